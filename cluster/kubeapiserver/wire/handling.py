"""Has whole requests handled: here, or in the thread if large; and again after webhooks that they need."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kubeapi.webhooks.calls import Call, CallNeeded, Outcome
from kubeapiserver.messages import Answer, Request
from kubeapiserver.proxying.location import Proxying
from kubeapiserver.streaming.runtime import Runtime
from kubeapiserver.wire.largerequests import LARGE_BYTES, LargeRequests

if TYPE_CHECKING:
    from kubeapiserver.wire.webhooks import WebhookCaller


class RequestHandler:
    """Handles requests that have arrived whole."""

    def __init__(
        self, handle: Callable[[Request], Answer], large: LargeRequests | None, runtime: Runtime, proxying: Proxying
    ) -> None:
        self._handle = handle
        self._large = large
        self._runtime = runtime
        self._proxying = proxying

    async def answer(self, request: Request) -> Answer:
        """Answer a request; StatusError."""
        try:
            return await self._handled(request)
        except CallNeeded as needed:
            return await self._caller().answered(self._handled, request, needed)

    async def call(self, wanted: Call) -> Outcome:
        """Call a webhook."""
        return await self._caller().call(wanted)

    def _caller(self) -> WebhookCaller:
        # Imported for the first call: most clusters have no webhooks.
        from kubeapiserver.wire.webhooks import WebhookCaller

        return WebhookCaller(self._runtime, self._proxying)

    async def _handled(self, request: Request) -> Answer:
        if self._large is None or len(request.body) < LARGE_BYTES:
            return self._handle(request)
        return await self._large.handle(request)

    def close(self) -> None:
        """Accept no more large requests."""
        if self._large is not None:
            self._large.close()

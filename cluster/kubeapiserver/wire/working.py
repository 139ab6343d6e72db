"""Have a request handled: here, or in the thread if its body is large; again after the webhooks that it needs."""

from __future__ import annotations

from collections.abc import Callable

from kubeapi.webhooks.calls import CallNeeded
from kubeapiserver.messages import Answer, Request
from kubeapiserver.streaming.runtime import Runtime
from kubeapiserver.wire.largerequests import LARGE_BYTES, LargeRequests


class Working:
    """Handles requests that have arrived whole."""

    def __init__(self, handle: Callable[[Request], Answer], large: LargeRequests | None, runtime: Runtime) -> None:
        self._handle = handle
        self._large = large
        self._runtime = runtime

    async def answer(self, request: Request) -> Answer:
        """Answer a request; StatusError."""
        try:
            return await self._handled(request)
        except CallNeeded as needed:
            from kubeapiserver.wire.webhooks import after_reviews

            return await after_reviews(self._handled, request, needed, self._runtime)

    async def _handled(self, request: Request) -> Answer:
        if self._large is None or len(request.body) < LARGE_BYTES:
            return self._handle(request)
        return await self._large.handle(request)

    def close(self) -> None:
        """Accept no more large requests."""
        if self._large is not None:
            self._large.close()

"""The kinds that are served in a second version beside the one in which they are stored. Pure."""

from __future__ import annotations

from collections.abc import Callable

from kubeapi.scheme import EVENTS, HORIZONTALPODAUTOSCALERS
from kubeapi.store import Store
from kubeapiserver.handlers.autoscalers import AutoscalerConversion
from kubeapiserver.handlers.events import EventConversion
from kubeapiserver.messages import Answer
from kubeapiserver.requests.resource import ResourceRequest

Handle = Callable[[ResourceRequest], Answer]
"""Answers a request for objects of a version."""


def conversions(store: Store, handle: Handle) -> dict[str, Handle]:
    """Return, by kind, what answers requests in the second version; ``handle`` answers those in the stored one."""
    return {
        EVENTS.kind: EventConversion(store, handle).answer,
        HORIZONTALPODAUTOSCALERS.kind: AutoscalerConversion(store, handle).answer,
    }

"""One call of an admission webhook, and how a request waits for it. Pure.

Handlers answer at once, so a request that needs a webhook's answer is given up with ``ReviewNeeded`` before it has
changed anything. The listener makes the call and handles the request again, with the outcome. A call is known by what
it asks, so that a handled request that comes to the same question finds its answer.
"""

from __future__ import annotations

import hashlib
import json
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapiserver.admission.hooks import Hook
from kubeapiserver.proxying.location import Location


class Call(NamedTuple):
    """A call that is to be made. ``location`` None: ``url`` is dialled as it is.

    ``server_name`` is the name that the webhook's certificate must have, ``authority`` as in ``Hook``.
    """

    question: str
    uid: str
    url: str
    server_name: str
    body: bytes
    authority: bytes | None
    timeout_seconds: int
    namespace: str = ""
    location: Location | None = None


class ReviewNeeded(Exception):
    """A webhook must be asked before the request can be answered."""

    def __init__(self, call: Call) -> None:
        super().__init__(call.url)
        self.call = call


def question_of(hook: Hook, request: JSON, round_: int) -> str:
    """Return what tells a call from every other call for the same request."""
    asked = {**request, "object": _without_managers(request["object"])}
    text = json.dumps([hook.configuration, hook.name, hook.is_mutating, round_, asked], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _without_managers(obj: JSON | None) -> JSON | None:
    """Return an object without managedFields: their times change each time that a request is handled."""
    if obj is None or "managedFields" not in obj.get("metadata", {}):
        return obj
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return {**obj, "metadata": metadata}

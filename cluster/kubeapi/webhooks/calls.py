"""One call of a webhook, and how what is done in one step waits for it. Pure.

A write is one step without any wait. One that needs a webhook's answer is given up with ``CallNeeded`` before it has
changed anything; its caller makes the call and does the step again, with the outcome. A call is known by what it asks,
so that the step that comes to the same question finds its answer.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kubeapi.meta import JSON

CALLS_LIMIT = 100
"""Calls for one step, after which it fails: what it asks changes each time that it is done."""


class ServicePort(NamedTuple):
    """The Service that a webhook is behind."""

    namespace: str
    name: str
    port: int


class Call(NamedTuple):
    """A call that is to be made. ``service`` None: ``url`` is dialled as it is, otherwise one of its endpoints.

    ``server_name`` is the name that the webhook's certificate must have, ``authority`` what may have signed it, in PEM
    (None for what the system trusts).
    """

    uid: str
    url: str
    server_name: str
    body: bytes
    authority: bytes | None
    timeout_seconds: int
    service: ServicePort | None = None


class Outcome(NamedTuple):
    """The answer's body, or why there is none ("" if there is one)."""

    uid: str
    body: bytes = b""
    failure: str = ""


Caller = Callable[[Call], Awaitable[Outcome]]
"""Makes a call; it never fails."""


@dataclass(slots=True)
class Reviews:
    """What webhooks have answered for one step so far, by question.

    ``seed`` makes what is random about an object the same at every attempt. ``prepared`` is the object that validating
    webhooks are asked about, with the resourceVersion of the one that it replaces ("" for none): its name, its uid and
    its addresses stay those that the webhooks have seen.
    """

    seed: int = 0
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    prepared: tuple[str, JSON] | None = None


class CallNeeded(Exception):
    """A webhook must be called first, and the ``others`` may be called beside it; nothing has changed.

    ``keep`` takes what comes of the call, for the next attempt; StatusError if there can be none. ``reviews`` are those
    of the step, None if it had none.
    """

    others: Sequence[CallNeeded] = ()

    def __init__(self, call: Call, keep: Callable[[Outcome], None], reviews: Reviews | None = None) -> None:
        super().__init__(call.url)
        self.call = call
        self.keep = keep
        self.reviews = reviews


def new_call(client: JSON, uid: str, body: bytes, timeout_seconds: int) -> Call:
    """Return the call of the webhook that a WebhookClientConfig describes (apiserver ``util/webhook/client.go``)."""
    authority, query = _authority(client), f"?timeout={timeout_seconds}s"
    service = client.get("service")
    if not service:
        return Call(uid, f"{client.get('url', '')}{query}", "", body, authority, timeout_seconds)
    port = ServicePort(service["namespace"], service["name"], service.get("port") or 443)
    name = f"{port.name}.{port.namespace}.svc"
    url = f"https://{name}:{port.port}/{service.get('path', '').lstrip('/')}{query}"
    return Call(uid, url, name, body, authority, timeout_seconds, port)


def _authority(client: JSON) -> bytes | None:
    try:
        return base64.b64decode(client.get("caBundle") or "").strip() or None
    except binascii.Error:
        return None

"""Long lists in chunks: what ``limit`` cuts off, and the token with which a client goes on. Pure.

All chunks of a list show the version of the first, which the Store's history still knows for a while; after that the
client is told so, with a token that goes on with what is there then. Follows apiserver ``storage/continue.go`` and
``storage/etcd3/errors.go``.
"""

from __future__ import annotations

import base64
import json
from typing import Any, NamedTuple

from kubeapi.meta import ObjectKey
from kubeapi.status import StatusError
from kubeapiserver.errors import BadInput
from kubeapiserver.messages import Response
from kubeapiserver.responses.statuses import encode_line, failure

_TOKEN_VERSION = "meta.k8s.io/v1"  # noqa: S105 - the version of the token's form, as Kubernetes writes it
NEWEST = -1
"""The version of a token that goes on with whatever is there."""

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without"
    " the continue parameter, or use the continue token in this response to retrieve the remainder of the results."
    " Continuing with the provided token results in an inconsistent list - objects that were created, modified, or"
    " deleted between the time the first chunk was returned and now may show up in the list."
)


class Chunk(NamedTuple):
    """What a list says beside its items: the version it is of, how to go on, and how many are left (if that is known).

    ``token`` is "" at the end.
    """

    resource_version: int
    token: str = ""
    remaining: int | None = None

    def metadata(self) -> dict[str, Any]:
        """Return the ListMeta."""
        found: dict[str, Any] = {"resourceVersion": str(self.resource_version)}
        if self.token:
            found["continue"] = self.token
            if self.remaining is not None:
                found["remainingItemCount"] = self.remaining
        return found


class Position(NamedTuple):
    """Where a list goes on: after ``last``, as of a version."""

    resource_version: int
    last: ObjectKey

    def token(self) -> str:
        """Return the position as clients have it, who are not to read it."""
        start = f"{self.last.namespace}/{self.last.name}" + chr(0)
        text = json.dumps({"v": _TOKEN_VERSION, "rv": self.resource_version, "start": start})
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def read_token(text: str) -> Position:
    """Read a token; BadInput if it is none of ours."""
    try:
        content = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        namespace, _, name = content["start"].removesuffix(chr(0)).partition("/")
        version = content["rv"]
    except (ValueError, KeyError, TypeError, AttributeError):
        version, namespace, name = 0, "", ""
    if type(version) is not int or (version <= 0 and version != NEWEST):
        message = "continue key is not valid: it is not a token of this server"
        raise BadInput(message)
    return Position(version, ObjectKey(namespace, name))


def expired_response(position: Position) -> Response:
    """Return the refusal of a token whose version nobody remembers, with the token that goes on all the same."""
    status = failure(StatusError(410, "Expired", _TOO_OLD))
    return Response(410, encode_line({**status, "metadata": {"continue": Position(NEWEST, position.last).token()}}))

"""Chunks of long lists: ``limit``, and the ``continue`` token for the next chunk. Pure.

All chunks show the list at the resourceVersion of the first one. When the Store's history no longer has that version,
the client gets an error with a token that continues at the newest version. Follows apiserver ``storage/continue.go``
and ``storage/etcd3/errors.go``.
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
"""The resourceVersion in a token that continues at the newest version."""

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without"
    " the continue parameter, or use the continue token in this response to retrieve the remainder of the results."
    " Continuing with the provided token results in an inconsistent list - objects that were created, modified, or"
    " deleted between the time the first chunk was returned and now may show up in the list."
)


class Chunk(NamedTuple):
    """The ListMeta of a chunk: its version, the token of the next chunk ("" at the end), and the number of items left.

    ``remaining`` is None if it is not known.
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
    """Where a list continues: after the object ``last``, at a resourceVersion."""

    resource_version: int
    last: ObjectKey

    def token(self) -> str:
        """Return the position as an opaque token."""
        # The smallest key after the last one, as in a token of etcd3's storage.
        start = f"{self.last.namespace}/{self.last.name}" + chr(0)
        text = json.dumps({"v": _TOKEN_VERSION, "rv": self.resource_version, "start": start})
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def read_token(text: str) -> Position:
    """Read a token; BadInput if it is not one of this server."""
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
    """Return the error for a version that the history no longer has, with a token for the newest one."""
    status = failure(StatusError(410, "Expired", _TOO_OLD))
    return Response(410, encode_line({**status, "metadata": {"continue": Position(NEWEST, position.last).token()}}))

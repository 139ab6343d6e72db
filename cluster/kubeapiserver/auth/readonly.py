"""Which requests a server refuses whose objects come from elsewhere: all that would change one. Pure."""

from __future__ import annotations

from kubeapi.status import Forbidden, StatusError
from kubeapiserver.catalog import Served
from kubeapiserver.requests.paths import ResourcePath

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_SESSIONS = frozenset({"exec", "attach", "portforward"})
"""Subresources for which a POST opens a connection and changes nothing."""


def refusal_of_write(method: str, path: ResourcePath | None, served: Served | None, why: str) -> StatusError | None:
    """Return the refusal of a request that would write, with the reason ``why``; None for one that only reads."""
    if method in _READS or path is None or served is None or served.is_review or path.subresource in _SESSIONS:
        return None
    return Forbidden(served.resource, path.name, why)

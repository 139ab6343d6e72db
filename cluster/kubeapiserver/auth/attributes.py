"""What a request asks for, as authorization sees it (apiserver ``pkg/authorization/authorizer`` Attributes). Pure."""

from __future__ import annotations

from typing import NamedTuple


class Attributes(NamedTuple):
    """What a request asks for: ``verb`` on a resource, or on a non-resource ``path`` ("" for a resource)."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

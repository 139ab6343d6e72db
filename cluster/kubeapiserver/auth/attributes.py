"""What a request asks for, as authorization sees it (apiserver ``pkg/authorization/authorizer`` Attributes). Pure."""

from __future__ import annotations

from typing import NamedTuple

from kubeapi.scheme import NAMESPACES
from kubeapiserver.messages import Request
from kubeapiserver.requests.paths import ResourcePath

VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
"""The verbs of requests for one object, by method."""


class Attributes(NamedTuple):
    """What a request asks for: ``verb`` on a resource, or on a non-resource ``path`` ("" for a resource)."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


def attributes_of(request: Request, text: str, path: ResourcePath | None) -> Attributes:
    """Return what a request asks for; ``path`` is what its path, ``text``, says of a resource."""
    method = request.method
    verb = VERBS.get(method, method.lower())
    if path is None or not path.plural:
        return Attributes(verb if verb == "get" else method.lower(), path=text)
    if path.is_watch or (verb == "get" and request.has_flag("watch") and not path.name):
        verb = "watch"
    elif not path.name:
        verb = {"get": "list", "delete": "deletecollection"}.get(verb, verb)
    namespace = path.name if path.plural == NAMESPACES.plural else path.namespace
    return Attributes(verb, path.group, path.plural, path.subresource, namespace, path.name)

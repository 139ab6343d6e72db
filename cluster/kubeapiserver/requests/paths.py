"""From a path to what it names: a group, a version, a namespace, a resource, a name, a subresource. Pure.

Follows apiserver ``pkg/endpoints/request/requestinfo.go``. Whether any of that exists is not decided here.
"""

from __future__ import annotations

from typing import NamedTuple

_NAMESPACE_PARTS = frozenset(("status", "finalize"))
"""What may follow a Namespace's name and is no resource inside it."""

PROXY = "proxy"
"""The subresource whose path goes on after it."""


class Target(NamedTuple):
    """What a path under ``/api/v1`` or ``/apis/G/V`` names; "" for what it does not say."""

    group: str
    version: str
    namespace: str = ""
    plural: str = ""
    name: str = ""
    subresource: str = ""
    rest: tuple[str, ...] = ()
    """What follows the subresource."""
    is_watch: bool = False
    """Whether it is under ``watch/``, the older way to say ``?watch=1``."""


def normalized(path: str) -> str:
    """Return a path without the slashes at its end (some clients ask for ``/version/``)."""
    return path.rstrip("/") or "/"


def is_proxy_path(path: str) -> bool:
    """Tell whether a request with this path may be one that goes on to a pod, so that its body is not ours to read."""
    target = read_path(normalized(path)) if "/proxy" in path else None
    return target is not None and target.subresource == PROXY


def read_path(path: str) -> Target | None:
    """Return what a path names, None if it does not begin with a group and a version."""
    match path.split("/")[1:]:
        case ["api", version, *rest] if version:
            return _read_resource("", version, rest)
        case ["apis", group, version, *rest] if group and version:
            return _read_resource(group, version, rest)
    return None


def _read_resource(group: str, version: str, parts: list[str]) -> Target:
    namespace = ""
    is_watch = parts[:1] == ["watch"]
    if is_watch:
        parts = parts[1:]
    if len(parts) > 2 and parts[0] == "namespaces" and parts[2] not in _NAMESPACE_PARTS:
        namespace, parts = parts[1], parts[2:]
    plural, name, subresource = (*parts[:3], "", "", "")[:3]
    return Target(group, version, namespace, plural, name, subresource, tuple(parts[3:]), is_watch)

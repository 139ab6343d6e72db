"""Parse a request path into group, version, namespace, resource, name and subresource. Pure.

Follows apiserver ``pkg/endpoints/request/requestinfo.go``. Does not decide whether any of them exists.
"""

from __future__ import annotations

from typing import NamedTuple

_NAMESPACE_PARTS = frozenset(("status", "finalize"))
"""Subresources of a Namespace: after its name they are not resources inside it."""

PROXY = "proxy"
"""The one subresource that is followed by a path of its own."""


class ResourcePath(NamedTuple):
    """The parts of a path under ``/api/v1`` or ``/apis/GROUP/VERSION``; "" for those that it does not have."""

    group: str
    version: str
    namespace: str = ""
    plural: str = ""
    name: str = ""
    subresource: str = ""
    rest: tuple[str, ...] = ()
    """The path segments after the subresource."""
    is_watch: bool = False
    """Whether the path has ``watch/``, the older form of ``?watch=1``."""


def normalized(path: str) -> str:
    """Return a path without trailing slashes (some clients ask for ``/version/``)."""
    return path.rstrip("/") or "/"


def is_proxy_path(path: str) -> bool:
    """Tell whether a request may be forwarded to a pod, so that its body must not be read here."""
    parsed = read_path(normalized(path)) if "/proxy" in path else None
    return parsed is not None and parsed.subresource == PROXY


def read_path(path: str) -> ResourcePath | None:
    """Return the parts of a path, None if it does not begin with a group and a version."""
    match path.split("/")[1:]:
        case ["api", version, *rest] if version:
            return _read_resource("", version, rest)
        case ["apis", group, version, *rest] if group and version:
            return _read_resource(group, version, rest)
    return None


def _read_resource(group: str, version: str, parts: list[str]) -> ResourcePath:
    namespace = ""
    is_watch = parts[:1] == ["watch"]
    if is_watch:
        parts = parts[1:]
    if len(parts) > 2 and parts[0] == "namespaces" and parts[2] not in _NAMESPACE_PARTS:
        namespace, parts = parts[1], parts[2:]
    plural, name, subresource = (*parts[:3], "", "", "")[:3]
    return ResourcePath(group, version, namespace, plural, name, subresource, tuple(parts[3:]), is_watch)


def asked_version(path: str) -> str:
    """Return the apiVersion in a request's path, "" if there is none."""
    found = read_path(normalized(path))
    return "/".join(filter(None, (found.group, found.version))) if found else ""

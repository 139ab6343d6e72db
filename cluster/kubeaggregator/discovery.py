"""What an extension API server says of its resources, in the form of aggregated discovery. Pure.

Follows kube-aggregator ``handler_discovery.go`` and apiserver ``endpoints/installer.go``
(ConvertGroupVersionIntoToDiscovery).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at

GROUP = "apidiscovery.k8s.io"
ACCEPT = (
    f"application/json;g={GROUP};v=v2;as=APIGroupDiscoveryList,"
    f"application/json;g={GROUP};v=v2beta1;as=APIGroupDiscoveryList,application/json"
)
REFRESH_SECONDS = 60.0
"""Time after which a server is asked again; also the longest pause after failures."""
_FIRST_BACKOFF = 0.5

Version = tuple[str, str]
"""Group and version."""


def backoff(failures: int) -> float:
    """Return the seconds before a server that has not answered so many times is asked again."""
    return min(REFRESH_SECONDS, _FIRST_BACKOFF * 2.0 ** min(failures - 1, 30)) if failures else REFRESH_SECONDS


def is_aggregated(media_type: str) -> bool:
    """Tell whether an answer is aggregated discovery, in the version that is read."""
    parameters = {each.strip() for each in media_type.split(";")}
    return {f"g={GROUP}", "v=v2", "as=APIGroupDiscoveryList"} <= parameters


def read_aggregated(body: bytes) -> Mapping[Version, tuple[JSON, ...]]:
    """Return the resources of every version; ValueError, or another error of reading, for what is no such document."""
    found: dict[Version, tuple[JSON, ...]] = {}
    for group in list_at(json.loads(body), "items"):
        for version in list_at(group, "versions"):
            name = map_at(group, "metadata").get("name", ""), version["version"]
            found[name] = tuple(map(_completed, list_at(version, "resources")))
    return found


def _completed(resource: JSON) -> JSON:
    """Return a resource in which every kind is named: clients of 1.26 cannot do without."""
    parts = [{"responseKind": {}, **each} for each in list_at(resource, "subresources")]
    return {"responseKind": {}, **resource, **({"subresources": parts} if parts else {})}


def read_resource_list(body: bytes) -> tuple[JSON, ...]:
    """Return the resources of an APIResourceList, the older form; errors as of ``read_aggregated``."""
    listed = [(*each["name"].partition("/"), each) for each in list_at(json.loads(body), "resources")]
    found = {name: _resource(each) for name, slash, _, each in listed if not slash}
    for name, slash, part, each in listed:
        if slash:
            parts = found.setdefault(name, _placeholder(name, each)).setdefault("subresources", [])
            parts.append({"subresource": part, "responseKind": _kind(each), "verbs": each.get("verbs") or []})
    return tuple(found.values())


def _resource(entry: JSON) -> JSON:
    names = {field: entry[field] for field in ("shortNames", "categories") if entry.get(field)}
    return {
        "resource": entry["name"],
        "responseKind": _kind(entry),
        "scope": _scope(entry),
        "singularResource": entry.get("singularName") or "",
        "verbs": entry.get("verbs") or [],
        **names,
    }


def _placeholder(name: str, part: JSON) -> JSON:
    """Return a resource that is there for its subresources only."""
    return {
        "resource": name,
        "responseKind": {"group": "", "version": "", "kind": ""},
        "scope": _scope(part),
        "singularResource": "",
        "verbs": None,
    }


def _scope(entry: JSON) -> str:
    return "Namespaced" if entry.get("namespaced") else "Cluster"


def _kind(entry: JSON) -> JSON:
    return {"group": entry.get("group") or "", "version": entry.get("version") or "", "kind": entry.get("kind", "")}

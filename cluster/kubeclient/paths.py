"""Where an API server serves a resource. Pure."""

from __future__ import annotations

from kubeapi.scheme import Resource


def path_of(resource: Resource, namespace: str = "", name: str = "") -> str:
    """Return the path of a resource's collection ("": in all namespaces), or of one object."""
    path = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    if namespace and resource.namespaced:
        path += f"/namespaces/{namespace}"
    path += f"/{resource.plural}"
    return f"{path}/{name}" if name else path

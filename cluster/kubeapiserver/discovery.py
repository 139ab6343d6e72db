"""Discovery documents, aggregated and per group, and the version; made from ``catalog``. Pure.

Follows apiserver ``pkg/endpoints/discovery``. kubectl asks for the aggregated form; older clients and Python's dynamic
client ask for the others.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from kubeapi.customresources.resource import CustomResource
from kubeapi.extensions.apis import Offer
from kubeapi.kind import Subresource
from kubeapi.meta import JSON
from kubeapiserver.catalog import Catalog, Served
from kubeapiserver.messages import JSON_TYPE, Request, Response
from kubeapiserver.requests.negotiation import media_ranges
from kubeapiserver.responses.statuses import document_response, encode_line, indented_response

_DISCOVERY_GROUP = "apidiscovery.k8s.io"
_DISCOVERY_VERSIONS = ("v2", "v2beta1")
_MINOR = re.compile(r"v?(\d+)\.(\d+)")


class Discovery:
    """Answers requests for discovery documents.

    ``version`` is the gitVersion in /version, ``address`` the server's host:port for clients.
    """

    def __init__(self, catalog: Catalog, version: str, address: str) -> None:
        self._catalog = catalog
        self._version = version
        self._address = address

    def custom_resources(self) -> list[CustomResource]:
        """Return the custom resources that are told of."""
        return self._catalog.customs.established()

    def offers(self) -> list[Offer]:
        """Return what extension API servers offer."""
        return [self._catalog.extensions.offer(each) for each in self._catalog.extensions.all()]

    def core_versions(self, request: Request) -> Response:
        """Answer ``/api``."""
        wanted = _aggregated_version(request)
        if wanted:
            return self._aggregated(request, {"": self._catalog.groups()[""]}, wanted)
        addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": self._address}]
        return document_response({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses})

    def groups(self, request: Request) -> Response:
        """Answer ``/apis``."""
        named = {name: versions for name, versions in self._catalog.groups().items() if name}
        wanted = _aggregated_version(request)
        if wanted:
            return self._aggregated(request, named, wanted)
        return document_response(
            {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(*each) for each in named.items()]}
        )

    def group(self, name: str) -> Response | None:
        """Answer ``/apis/GROUP``; None if it is not served."""
        versions = self._catalog.groups().get(name) if name else None
        if versions is None:
            return None
        return document_response({"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)})

    def resources(self, group: str, version: str) -> Response | None:
        """Answer ``/api/v1`` and ``/apis/GROUP/VERSION``; None if it is not served."""
        served = self._catalog.served_in(group, version)
        if not served:
            return None
        entries = [entry for each in served for entry in _entries(each)]
        group_version = f"{group}/{version}" if group else version
        document = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries}
        return document_response(document)

    def version(self) -> Response:
        """Answer ``/version``."""
        found = _MINOR.match(self._version)
        major, minor = found.groups() if found else ("1", "0")
        return indented_response(
            {
                "major": major,
                "minor": minor,
                "gitVersion": self._version,
                "gitCommit": "",
                "gitTreeState": "clean",
                "buildDate": "1970-01-01T00:00:00Z",
                "goVersion": "",
                "compiler": "cpython",
                "platform": "linux/amd64",
            }
        )

    def paths(self) -> Response:
        """Answer ``/``."""
        groups = self._catalog.groups()
        versions = [f"/apis/{group}/{version}" for group, each in groups.items() if group for version in each]
        named = [f"/apis/{group}" for group in groups if group]
        own = ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz"]
        return indented_response({"paths": sorted([*own, "/version", *named, *versions])})

    def _aggregated(self, request: Request, groups: Mapping[str, list[str]], version: str) -> Response:
        document = {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": f"{_DISCOVERY_GROUP}/{version}",
            "metadata": {},
            "items": [self._group_discovery(*each) for each in groups.items()],
        }
        body = encode_line(document)
        tag = f'"{hashlib.sha256(body).hexdigest().upper()}"'
        headers = (("ETag", tag), ("Vary", "Accept"), ("Cache-Control", "public"))
        media = f"{JSON_TYPE};g={_DISCOVERY_GROUP};v={version};as=APIGroupDiscoveryList"
        if request.headers.get("if-none-match") == tag:
            return Response(304, b"", media, headers)
        return Response(200, body, media, headers)

    def _group_discovery(self, name: str, versions: list[str]) -> JSON:
        return {
            "metadata": {"name": name} if name else {},
            "versions": [self._version_discovery(name, each) for each in versions],
        }

    def _version_discovery(self, group: str, version: str) -> JSON:
        extension = self._catalog.extensions.find(group, version)
        if extension is None:
            resources = [_resource_discovery(each) for each in self._catalog.served_in(group, version)]
            return {"version": version, "freshness": "Current", "resources": resources}
        offer = self._catalog.extensions.offer(extension)
        listed = {"resources": list(offer.resources)} if offer.resources else {}
        return {"version": version, **listed, "freshness": "Current" if offer.is_current else "Stale"}


def _group(name: str, versions: list[str]) -> JSON:
    listed = [{"groupVersion": f"{name}/{each}", "version": each} for each in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _aggregated_version(request: Request) -> str:
    """Return the version of the aggregated form that a client prefers, "" if it prefers the older form."""
    for each in media_ranges(request.headers.get("accept", "")):
        if each.type != JSON_TYPE:
            continue
        asked = each.parameters
        if not asked.get("as"):
            return ""
        is_ours = asked.get("g") == _DISCOVERY_GROUP and asked["as"] == "APIGroupDiscoveryList"
        if is_ours and asked.get("v") in _DISCOVERY_VERSIONS:
            return asked["v"]
    return ""


def _resource_discovery(served: Served) -> JSON:
    resource = served.resource
    # Go writes null for the verbs of a resource that is there for its subresources only.
    found: JSON = {
        "resource": resource.plural,
        "responseKind": _response_kind("") if served.has_parts_only else _own_kind(served),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": served.singular,
        "verbs": list(served.verbs) or None,
        **_names(served),
    }
    if served.subresources:
        found["subresources"] = [_subresource_discovery(served, each) for each in served.subresources]
    return found


def _subresource_discovery(served: Served, part: Subresource) -> JSON:
    kind = _response_kind(part.kind, part.group, part.version) if part.kind else _own_kind(served)
    return {"subresource": part.name, "responseKind": kind, "verbs": list(part.verbs)}


def _own_kind(served: Served) -> JSON:
    resource = served.resource
    if isinstance(resource, CustomResource):
        return _response_kind(resource.kind, resource.group, resource.version)
    return _response_kind(resource.kind)


def _response_kind(kind: str, group: str = "", version: str = "") -> JSON:
    """Return the name of a kind; "" stands for the resource's own group and version."""
    return {"group": group, "version": version, "kind": kind}


def _names(served: Served) -> dict[str, Any]:
    found = {"shortNames": list(served.resource.short_names), "categories": list(served.categories)}
    return {field: names for field, names in found.items() if names}


def _entries(served: Served) -> list[JSON]:
    """Return a resource and its subresources as entries of an APIResourceList."""
    resource = served.resource
    own = {
        "name": resource.plural,
        "singularName": served.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(served.verbs),
        **_names(served),
    }
    if isinstance(resource, CustomResource):
        version = f"{resource.stored_version}/{resource.kind}"
        own["storageVersionHash"] = base64.b64encode(hashlib.sha256(version.encode()).digest()[:8]).decode()
    parts = [_subresource_entry(served, each) for each in served.subresources]
    return parts if served.has_parts_only else [own, *parts]


def _subresource_entry(served: Served, part: Subresource) -> JSON:
    resource = served.resource
    elsewhere = {"group": part.group, "version": part.version} if part.group else {}
    return {
        "name": f"{resource.plural}/{part.name}",
        "singularName": "",
        "namespaced": resource.namespaced,
        **elsewhere,
        "kind": part.kind or resource.kind,
        "verbs": list(part.verbs),
    }

"""The subresource ``proxy``: HTTP requests through the API server to a Service's endpoint, a pod or a node. Pure.

Chooses the address to which ``wire.proxy`` forwards a request. Follows k8s.io/kubernetes
``pkg/registry/core/service/storage`` and ``core/pod/strategy.go`` (ResourceLocation).
"""

from __future__ import annotations

import random
from typing import NamedTuple
from urllib.parse import urlsplit

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.endpointslice import Endpoint, EndpointSlice, read_endpoint_slice
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import ENDPOINTSLICES, PODS, SERVICES
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubeapiserver.errors import BadInput, ServiceUnavailable
from kubeapiserver.messages import Answer, Proxied, Request, Response
from kubeapiserver.proxying.node import NodeProxy
from kubeapiserver.requests.paths import ResourcePath

_SCHEMES = ("", "http", "https")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class SchemeNamePort(NamedTuple):
    """The parts of ``[scheme:]name[:port]``; "" for those that it does not have."""

    scheme: str
    name: str
    port: str


class Location(NamedTuple):
    """An address to dial, and the pod that has it ("" if none does)."""

    host: str
    port: int
    pod: str = ""


class Proxying:
    """Answers requests for ``/proxy`` of Services, pods and nodes."""

    def __init__(self, store: Store, rng: random.Random) -> None:
        self._store = store
        self._rng = rng
        self._nodes = NodeProxy(store)

    def answer(self, request: Request, path: ResourcePath) -> Answer:
        """Return the address to forward a request to, or a complete answer."""
        before, after = split_proxy_path(request.target)
        if not after and request.method in ("GET", "HEAD"):
            return _redirect(before, urlsplit(request.target).query)
        if path.plural == "nodes":
            return self._nodes.answer(request, path.name, after)
        asked = read_scheme_name_port(path.name)
        if asked is None:
            kind = "pod" if path.plural == "pods" else "service"
            raise BadInput(f'invalid {kind} request "{path.name}"')
        locate = self._at_pod if path.plural == "pods" else self._at_service
        backend = locate(path.namespace, asked)
        return Proxied(
            scheme=asked.scheme or "http",
            namespace=path.namespace,
            pod=backend.pod,
            host=backend.host,
            port=backend.port,
            prefix=before,
            path=after,
            query=urlsplit(request.target).query,
        )

    def _at_pod(self, namespace: str, asked: SchemeNamePort) -> Location:
        """Return the pod's address and port, by default the first port of its containers."""
        pod = read_pod(self._store.get(PODS, namespace, asked.name))
        if not pod.ips:
            raise BadInput("address not allowed")
        if asked.port:
            if not (number := _number(asked.port)):
                raise ServiceUnavailable(f"error trying to reach service: unknown port {asked.port}")
            return Location(pod.ips[0], number, asked.name)
        ports = (each.get("ports") for each in pod.containers)
        declared = next((found[0]["containerPort"] for found in ports if found), None)
        return Location(pod.ips[0], declared or _DEFAULT_PORTS[asked.scheme or "http"], asked.name)

    def endpoint(self, service: ObjectKey, port: str) -> Location:
        """Return a random ready endpoint of a Service's port; ServiceUnavailable, or 404 as a lister words it."""
        if self._store.find(SERVICES, service) is None:
            raise StatusError(404, "NotFound", f'service "{service.name}" not found')
        return self._at_service(service.namespace, SchemeNamePort("https", service.name, port))

    def _at_service(self, namespace: str, asked: SchemeNamePort) -> Location:
        """Return a random ready endpoint of the Service's port with that name or number."""
        service = self._store.get(SERVICES, namespace, asked.name)
        name = _port_name(service, asked)
        found = [
            Location(endpoint.addresses[0], number, endpoint.target)
            for each in self._slices(namespace, asked.name)
            for number in (port.port for port in each.ports if port.name == name and port.port)
            for endpoint in each.endpoints
            if _is_usable(endpoint, each)
        ]
        if not found:
            raise ServiceUnavailable(f'no endpoints available for service "{asked.name}"')
        return self._rng.choice(found)

    def _slices(self, namespace: str, service: str) -> list[EndpointSlice]:
        slices = map(read_endpoint_slice, self._store.list(ENDPOINTSLICES, namespace))
        return [each for each in slices if each.service is not None and each.service.name == service]


def split_proxy_path(target: str) -> tuple[str, str]:
    """Return a request target's path up to ``/proxy`` and the rest, "" if not even a slash follows."""
    parts = urlsplit(target).path.split("/")
    length = 8 if len(parts) > 3 and parts[3] == "namespaces" else 6
    rest = parts[length:]
    return "/".join(parts[:length]), "/" + "/".join(rest) if rest else ""


def read_scheme_name_port(text: str) -> SchemeNamePort | None:
    """Read ``[scheme:]name[:port]``, None if the text is malformed (utilnet.SplitSchemeNamePort)."""
    parts = text.split(":")
    if len(parts) > 3:
        return None
    scheme = parts.pop(0) if len(parts) == 3 else ""
    name, port = (*parts, "")[:2]
    return SchemeNamePort(scheme, name, port) if name and scheme in _SCHEMES else None


def _port_name(service: JSON, asked: SchemeNamePort) -> str:
    """Return the name of a Service port that is asked for by name or by number."""
    number = _number(asked.port)
    if not number:
        return asked.port
    for port in service["spec"].get("ports", ()):
        if port["port"] == number:
            return str(port.get("name") or "")
    raise ServiceUnavailable(f'no service port {asked.port} found for service "{asked.name}"')


def _is_usable(endpoint: Endpoint, each: EndpointSlice) -> bool:
    return endpoint.is_ready and bool(endpoint.addresses) and each.address_type != "FQDN"


def _number(text: str) -> int:
    """Return a port number, 0 if the text is not one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) < 65536 else 0


def _redirect(path: str, query: str) -> Response:
    """Redirect to the path with a final slash, so that a browser resolves a page's relative links below it."""
    return Response(301, b"", headers=(("Location", f"{path}/" + (f"?{query}" if query else "")),))

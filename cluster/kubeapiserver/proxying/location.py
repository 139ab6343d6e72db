"""The subresource ``proxy``: an HTTP request through the API server to a Service's endpoint, a pod or a node. Pure.

Decides where a request goes, and refuses what cannot go anywhere; ``wire.proxy`` sends it. Follows k8s.io/kubernetes
``pkg/registry/core/service/storage`` and ``core/pod/strategy.go`` (ResourceLocation).
"""

from __future__ import annotations

import random
from typing import NamedTuple
from urllib.parse import urlsplit

from kubeapi.meta import JSON
from kubeapi.objects.endpointslice import Endpoint, EndpointSlice, read_endpoint_slice
from kubeapi.scheme import ENDPOINTSLICES, PODS, SERVICES
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubeapiserver.errors import BadInput
from kubeapiserver.messages import Answer, Proxied, Request, Response
from kubeapiserver.proxying.node import NodeProxy
from kubeapiserver.requests.paths import Target

_SCHEMES = ("", "http", "https")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Place(NamedTuple):
    """What ``[scheme:]name[:port]`` names; "" for what it does not say."""

    scheme: str
    name: str
    port: str


class Backend(NamedTuple):
    """An address to dial, and the pod that has it, if one does."""

    host: str
    port: int
    pod: str = ""


class Proxying:
    """Answers requests for ``/proxy`` of Services, pods and nodes."""

    def __init__(self, store: Store, rng: random.Random) -> None:
        self._store = store
        self._rng = rng
        self._nodes = NodeProxy(store)

    def answer(self, request: Request, target: Target) -> Answer:
        """Return where the request goes on to, or what answers it here."""
        before, after = split_proxy_path(request.target)
        if not after and request.method in ("GET", "HEAD"):
            return _redirect(before, urlsplit(request.target).query)
        if target.plural == "nodes":
            return self._nodes.answer(request, target, after)
        place = read_place(target.name)
        if place is None:
            kind = "pod" if target.plural == "pods" else "service"
            raise BadInput(f'invalid {kind} request "{target.name}"')
        locate = self._at_pod if target.plural == "pods" else self._at_service
        backend = locate(target.namespace, place)
        return Proxied(
            scheme=place.scheme or "http",
            namespace=target.namespace,
            pod=backend.pod,
            host=backend.host,
            port=backend.port,
            prefix=before,
            path=after,
            query=urlsplit(request.target).query,
        )

    def _at_pod(self, namespace: str, place: Place) -> Backend:
        """Return the pod's address and port; without a port, the first that its containers name."""
        pod = self._store.get(PODS, namespace, place.name)
        host = (pod.get("status") or {}).get("podIP")
        if not host:
            raise BadInput("address not allowed")
        if place.port:
            return Backend(host, _number(place.port) or _no_such_port(place.port), place.name)
        ports = (each.get("ports") or () for each in pod["spec"].get("containers") or ())
        declared = next((found[0]["containerPort"] for found in ports if found), None)
        return Backend(host, declared or _DEFAULT_PORTS[place.scheme or "http"], place.name)

    def _at_service(self, namespace: str, place: Place) -> Backend:
        """Return a ready endpoint of the Service's port of that name or number, any one of them."""
        service = self._store.get(SERVICES, namespace, place.name)
        name = _port_name(service, place)
        found = [
            Backend(endpoint.addresses[0], number, endpoint.target)
            for each in self._slices(namespace, place.name)
            for number in (port.port for port in each.ports if port.name == name and port.port)
            for endpoint in each.endpoints
            if _is_usable(endpoint, each)
        ]
        if not found:
            raise unavailable(f'no endpoints available for service "{place.name}"')
        return self._rng.choice(found)

    def _slices(self, namespace: str, service: str) -> list[EndpointSlice]:
        slices = map(read_endpoint_slice, self._store.list(ENDPOINTSLICES, namespace))
        return [each for each in slices if each.service is not None and each.service.name == service]


def split_proxy_path(target: str) -> tuple[str, str]:
    """Return a request target's path up to ``/proxy``, and what follows it ("" if not even a slash does)."""
    parts = urlsplit(target).path.split("/")
    length = 8 if len(parts) > 3 and parts[3] == "namespaces" else 6
    rest = parts[length:]
    return "/".join(parts[:length]), "/" + "/".join(rest) if rest else ""


def read_place(text: str) -> Place | None:
    """Read ``[scheme:]name[:port]``, None if it is nothing of the kind (utilnet.SplitSchemeNamePort)."""
    parts = text.split(":")
    if len(parts) > 3:
        return None
    scheme = parts.pop(0) if len(parts) == 3 else ""
    name, port = (*parts, "")[:2]
    return Place(scheme, name, port) if name and scheme in _SCHEMES else None


def unavailable(message: str) -> StatusError:
    """Return the refusal of what nobody can serve now (NewServiceUnavailable)."""
    return StatusError(503, "ServiceUnavailable", message)


def _port_name(service: JSON, place: Place) -> str:
    """Return the name of the Service port that is meant; a number stands for the port that has it."""
    number = _number(place.port)
    if not number:
        return place.port
    for port in service["spec"].get("ports") or ():
        if port["port"] == number:
            return str(port.get("name") or "")
    raise unavailable(f'no service port {place.port} found for service "{place.name}"')


def _is_usable(endpoint: Endpoint, each: EndpointSlice) -> bool:
    return endpoint.is_ready and bool(endpoint.addresses) and each.address_type != "FQDN"


def _number(text: str) -> int:
    """Return a port number, 0 if the text is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) < 65536 else 0


def _no_such_port(text: str) -> int:
    raise unavailable(f"error trying to reach service: unknown port {text}")


def _redirect(path: str, query: str) -> Response:
    """Send a browser to the path with a slash at its end, so that a page's relative links lead below it."""
    return Response(301, b"", headers=(("Location", f"{path}/" + (f"?{query}" if query else "")),))

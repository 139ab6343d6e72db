"""Which address of a Service gets the load, read from the status document. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kubehost.addresses import join_host_port

Document = Mapping[str, Any]


class TargetError(Exception):
    """The Service cannot have load; says why, and what would help."""


class Wanted(NamedTuple):
    """What the user named: a Service and one of its ports (its number or name, "" for the first that fits).

    ``protocol`` is http, tcp, udp or dns, "" for what the port suggests.
    """

    namespace: str
    service: str
    port: str
    protocol: str


class Target(NamedTuple):
    """Where the load goes: ``address`` and ``port`` on this machine, or as the cluster itself has them.

    ``pods`` are the pods by the endpoints' ``ip:port`` and by their own names; ``weights`` those of the ready ones.
    """

    name: str
    host: str
    address: str
    port: int
    protocol: str
    pods: Mapping[str, str]
    weights: Mapping[str, int]


def read_wanted(text: str) -> tuple[str, str]:
    """Return the Service and the port of svc/NAME[:PORT]; ValueError."""
    kind, slash, rest = text.rpartition("/")
    name, _, port = rest.partition(":")
    if not name or (slash and kind not in ("svc", "service", "services")):
        message = f'{text!r}: write it as "svc/NAME" or "svc/NAME:PORT"'
        raise ValueError(message)
    return name, port


def find_target(status: Document, wanted: Wanted, *, is_inside: bool) -> Target:
    """Return where load for a Service goes; TargetError."""
    service = _service(status, wanted)
    if service["proxyName"] and wanted.protocol == "dns":
        return _name_server(status, service)
    port = _port(service, wanted)
    protocol = wanted.protocol or ("udp" if port["protocol"] == "UDP" else "http")
    listener = _listener(service, port)
    _check_endpoints(service, port)
    if not is_inside and not listener["bound"]:
        raise TargetError(listener["error"] or f"{_named(service)} is not open yet; try again")
    address, number = listener["address"], listener["port"]
    if is_inside:
        address, number = listener["clusterAddress"], listener["servicePort"]
    name = f"svc/{service['name']}:{port['port']}"
    return Target(
        name, f"{service['dnsName']}:{port['port']}", address, number, protocol, _pods(service), _weights(service, port)
    )


def _name_server(status: Document, service: Document) -> Target:
    """Return the cluster's own name server, which answers at its Service's address without a proxy."""
    for each in status["dns"]["addresses"]:
        if not each["error"] and "UDP" in each["protocols"]:
            name = f"svc/{service['name']}:53"
            return Target(name, f"{service['dnsName']}:53", each["address"], each["port"], "dns", {}, {})
    message = f"{_named(service)} answers nowhere over UDP; see `kubesvc status`"
    raise TargetError(message)


def _named(service: Document) -> str:
    return f"svc/{service['name']}"


def _service(status: Document, wanted: Wanted) -> Document:
    named = [each for each in status["services"] if each["namespace"] == wanted.namespace]
    for each in named:
        if each["name"] == wanted.service:
            return _with_address(each, wanted.protocol)
    known = ", ".join(f"svc/{each['name']}" for each in named) or "none"
    message = f'services "{wanted.service}" not found in namespace {wanted.namespace}; there are: {known}'
    raise TargetError(message)


def _with_address(service: Document, protocol: str) -> Document:
    if service["type"] == "ExternalName":
        message = f"{_named(service)} is only a name for {service['externalName']}: nothing balances its clients"
    elif service["clusterIP"] == "None":
        message = f"{_named(service)} is headless: its clients choose a pod themselves, nothing balances them"
    elif service["proxyName"] and protocol != "dns":
        hint = "; it answers queries: --dns NAME" if service["proxyName"] == "kubedns" else ""
        message = (
            f"{_named(service)} is served by the proxy {service['proxyName']!r}, which balances nothing here{hint}"
        )
    else:
        return service
    raise TargetError(message)


def _port(service: Document, wanted: Wanted) -> Document:
    transports = {"": ("TCP", "UDP"), "http": ("TCP",), "tcp": ("TCP",), "udp": ("UDP",), "dns": ("UDP",)}
    fitting: list[Document] = [
        each
        for transport in transports[wanted.protocol]
        for each in service["ports"]
        if each["protocol"] == transport and wanted.port in ("", str(each["port"]), each["name"])
    ]
    if fitting:
        return fitting[0]
    known = ", ".join(f"{each['port']}/{each['protocol']}" for each in service["ports"])
    which = f" {wanted.port}" if wanted.port else ""
    message = f"{_named(service)} has no port{which} for {wanted.protocol or 'this'}; its ports are {known}"
    raise TargetError(message)


def _listener(service: Document, port: Document) -> Document:
    for each in service["listeners"]:
        if each["kind"] == "clusterIP" and (each["servicePort"], each["protocol"]) == (port["port"], port["protocol"]):
            found: Document = each
            return found
    message = f"{_named(service)} has no address yet; see `kubesvc explain {_named(service)}`"
    raise TargetError(message)


def _check_endpoints(service: Document, port: Document) -> None:
    ready = [each for each in service["endpoints"] if each["ready"] or (each["serving"] and each["terminating"])]
    if not any(_has(each, port) for each in ready):
        message = (
            f"{_named(service)} has no ready endpoint, so every client is refused; "
            f"see `kubesvc explain {_named(service)}`"
        )
        raise TargetError(message)
    if not any(each["weight"] for each in ready if _has(each, port)):
        message = (
            f"all endpoints of {_named(service)} that serve have weight 0 (kubesvc.dev/weight), so every client is "
            f"refused; see `kubesvc explain {_named(service)}`"
        )
        raise TargetError(message)


def _has(endpoint: Document, port: Document) -> bool:
    return any(each["name"] == port["name"] for each in endpoint["ports"])


def _weights(service: Document, port: Document) -> dict[str, int]:
    ready = [each for each in service["endpoints"] if each["ready"]]
    return {
        _name(each, served): each["weight"]
        for each in ready
        for served in each["ports"]
        if served["name"] == port["name"]
    }


def _pods(service: Document) -> dict[str, str]:
    served = [(each, port) for each in service["endpoints"] for port in each["ports"]]
    by_address = {_address(each, port): _name(each, port) for each, port in served}
    return by_address | {name: name for name in by_address.values()}


def _name(endpoint: Document, port: Document) -> str:
    """Return the pod of an endpoint, its address for one that is none."""
    return endpoint["pod"] or _address(endpoint, port)


def _address(endpoint: Document, port: Document) -> str:
    return join_host_port(endpoint["address"], port["port"])

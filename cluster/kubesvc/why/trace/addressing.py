"""Reads SRC and DST of `kubesvc trace`. Pure.

SRC   an address, pod/NAME, node/NAME, or outside (a shell on this machine)
DST   svc/NAME:PORT, ADDRESS:PORT or DNS-NAME:PORT, each with /udp or /sctp where it is not TCP
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from kubeapi.meta import key_of
from kubeapi.objects.node import read_node
from kubeapi.objects.pod import read_pod
from kubeapi.objects.service import Service, ServicePort, read_service
from kubeapi.scheme import NODES, PODS
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubehost.addresses import LOCALHOST
from kubeproxy.plane import ListenerStatus
from kubeproxy.types import Destination
from kubesvc.why.lookup import find_object, find_service

PROTOCOLS = ("TCP", "UDP", "SCTP")
SOURCES = "write an address, pod/NAME, node/NAME or outside"
DESTINATIONS = "write svc/NAME:PORT, ADDRESS:PORT or DNS-NAME:PORT, with /udp at the end where it is not TCP"

_DESTINATION = re.compile(r"(?P<host>\[[^\]]+\]|[^:\[\]]+):(?P<port>[^:/]+)(?:/(?P<protocol>[A-Za-z]+))?")

Resolve = Callable[[str, str, bool], Sequence[str]]
"""Returns the addresses of a DNS name for a client in a namespace; IPv6 addresses if the third argument is True."""


class TraceTarget(NamedTuple):
    """Where the packet goes. ``notes`` say how DST was read; ``pod`` is the pod that has the address, "" if none."""

    destination: Destination
    notes: tuple[str, ...]
    pod: str = ""


def read_source(store: Store, namespace: str, text: str, *, is_ipv6: bool = False) -> str:
    """Return the address of SRC, IPv6 if it has one and ``is_ipv6``; StatusError if SRC cannot be understood."""
    if text == "outside":
        return "::1" if is_ipv6 else LOCALHOST
    kind, slash, name = text.partition("/")
    if slash and kind in ("pod", "pods", "po"):
        return _pod_address(store, namespace, name, is_ipv6=is_ipv6)
    if slash and kind in ("node", "nodes", "no"):
        return _node_address(store, name, is_ipv6=is_ipv6)
    try:
        return str(ip_address(text))
    except ValueError:
        raise _bad(f"{text!r} is no source: {SOURCES}") from None


def read_destination(
    store: Store, namespace: str, text: str, *, resolve: Resolve, listeners: Sequence[ListenerStatus]
) -> TraceTarget:
    """Return the target of DST; StatusError if DST cannot be understood.

    ``listeners`` tell which ports of this machine stand for other ports of Services.
    """
    kind, slash, rest = text.partition("/")
    if slash and kind in ("svc", "service", "services"):
        return _service(store, namespace, rest)
    match = _DESTINATION.fullmatch(text)
    if match is None:
        raise _bad(f"{text!r} is no destination: {DESTINATIONS}")
    protocol = _protocol(match["protocol"])
    port = _port(match["port"])
    host = match["host"].strip("[]")
    try:
        address = str(ip_address(host))
        notes: tuple[str, ...] = ()
    except ValueError:
        address, notes = _resolved(host, namespace, resolve)
    return _with_service_port(store, TraceTarget(Destination(address, port, protocol), notes), listeners)


def _resolved(host: str, namespace: str, resolve: Resolve) -> tuple[str, tuple[str, ...]]:
    addresses = [*resolve(host, namespace, False), *resolve(host, namespace, True)]
    if not addresses:
        raise _bad(f"{host} has no address: `kubesvc trace --dns {host}` says why")
    more = f", the first of {len(addresses)}" if len(addresses) > 1 else ""
    return addresses[0], (f"DNS answers {host} with {addresses[0]}{more}.",)


def _service(store: Store, namespace: str, text: str) -> TraceTarget:
    match = re.fullmatch(r"(?P<name>[^:/]+)(?::(?P<port>[^:/]+))?(?:/(?P<protocol>[A-Za-z]+))?", text)
    if match is None:
        raise _bad(f'"svc/{text}" is no destination: {DESTINATIONS}')
    service = read_service(find_service(store, namespace, match["name"]))
    if service.is_external_name or service.is_headless or not service.cluster_ips:
        what = "an ExternalName" if service.is_external_name else "headless"
        raise _bad(
            f"Service {service.key} is {what}, so no packet goes to it: clients connect to what DNS answers "
            f"(`kubesvc trace --dns {service.key.name} -n {service.key.namespace}`)"
        )
    port = _service_port(service, match["port"], match["protocol"])
    note = f"{service.key} has the cluster IP {service.cluster_ips[0]}."
    return TraceTarget(Destination(service.cluster_ips[0], port.port, port.protocol), (note,))


def _service_port(service: Service, wanted: str | None, protocol: str | None) -> ServicePort:
    """Return the port of that number or name; without one the only port."""
    given = _protocol(protocol) if protocol else ""
    found = [
        each for each in service.ports if wanted in (None, str(each.port), each.name) and given in ("", each.protocol)
    ]
    if len({each.protocol for each in found}) > 1 and not given:
        found = [each for each in found if each.protocol == "TCP"]
    if len(found) == 1:
        return found[0]
    ports = ", ".join(
        f"{each.port}/{each.protocol.lower()}{f' ({each.name})' if each.name else ''}" for each in service.ports
    )
    if found:
        raise _bad(f"Service {service.key} has several ports, name one: {ports}")
    asked = f"{wanted or ''}{f'/{protocol}' if protocol else ''}"
    raise _bad(f"Service {service.key} has no port {asked}; it has {ports or 'none'}")


def _protocol(text: str | None) -> str:
    protocol = (text or "TCP").upper()
    if protocol not in PROTOCOLS:
        raise _bad(f"{text!r} is no protocol: tcp, udp or sctp")
    return protocol


def _port(text: str) -> int:
    if text.isascii() and text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise _bad(f"{text!r} is no port: a number from 1 to 65535; a port's name goes with svc/NAME")


def _with_service_port(store: Store, target: TraceTarget, listeners: Sequence[ListenerStatus]) -> TraceTarget:
    """Return the target as the Service has it, if on this machine another address or port stands for it."""
    address, port, protocol = target.destination
    for each in listeners:
        is_it = (each.host_address, each.port, each.protocol) == (address, port, protocol)
        if is_it and (notes := [*_stand_ins(each)]):
            wanted = Destination(each.address, each.requested_port, protocol)
            return TraceTarget(wanted, (*target.notes, *notes))
    for pod in store.list(PODS):
        is_served = any((each.address, each.requested_port) == (address, port) for each in listeners)
        if address in read_pod(pod).ips and not is_served:
            return target._replace(pod=str(key_of(pod)))
    return target


def _stand_ins(listener: ListenerStatus) -> Iterator[str]:
    if listener.host_address != listener.address:
        yield f"{listener.host_address} is where this machine has {listener.address}."
    if listener.port != listener.requested_port:
        yield f"Port {listener.port} stands for {listener.requested_port} on this machine."


def _pod_address(store: Store, namespace: str, name: str, *, is_ipv6: bool) -> str:
    addresses = read_pod(find_object(store, PODS, namespace, name)).ips
    if not addresses:
        raise _bad(f"Pod {namespace}/{name} has no address yet")
    return _of_family(addresses, is_ipv6=is_ipv6)


def _node_address(store: Store, name: str, *, is_ipv6: bool) -> str:
    addresses = read_node(find_object(store, NODES, "", name)).addresses("InternalIP")
    if not addresses:
        raise _bad(f"Node {name} has no address")
    return _of_family(addresses, is_ipv6=is_ipv6)


def _of_family(addresses: Sequence[str], *, is_ipv6: bool) -> str:
    return next((each for each in addresses if (":" in each) == is_ipv6), addresses[0])


def _bad(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)

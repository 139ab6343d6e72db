"""Answers `kubesvc explain`, `trace` and `connections` for a running cluster.

Hands the state of the Store, the proxy and the name server to the pure modules that make the documents.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from ipaddress import ip_address
from typing import Any

from kubeapi.meta import ObjectKey, key_of
from kubeapi.objects.service import Service, read_service
from kubeapi.scheme import INGRESSES, SERVICES
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubedns.explain import Explanation, Lookup
from kubedns.io.server import DNSServer
from kubedns.types import QType
from kubeproxy.http.heads import Refused
from kubeproxy.http.requesthead import read_request
from kubeproxy.plane import ListenerStatus, PlaneError
from kubeproxy.rules import Packet
from kubeproxy.server.proxyserver import ProxyServer
from kubeproxy.tracing.trace import Trace
from kubeproxy.types import Destination
from kubeproxy.userspace.http.config import HttpConfig
from kubesvc.why.connections import Clocks, Connections
from kubesvc.why.explain.doubts import Doubts, doubts_of
from kubesvc.why.explain.explaining import Observed, explain_service
from kubesvc.why.explain.findings import Weight
from kubesvc.why.lookup import find_object, find_service
from kubesvc.why.podsockets import Wildcard
from kubesvc.why.trace.addressing import TraceTarget, read_destination, read_source
from kubesvc.why.trace.documents import (
    closed_document,
    direct_document,
    dns_document,
    judged_document,
    outside_document,
    trace_document,
)
from kubesvc.why.trace.otherproxies import find_other_proxy, other_document


class Diagnosis:
    """Answers for one cluster. A StatusError gives the reason why a question has no answer.

    ``internet_error`` returns why pods do not reach hosts outside, "" if nothing is known to be in the way;
    ``not_carried`` what of a Service does not work through another cluster's API.
    """

    internet_error: Callable[[], str] = str
    not_carried: Callable[[ObjectKey], Sequence[str]] = staticmethod(lambda _: ())

    def __init__(
        self,
        store: Store,
        proxy: ProxyServer,
        dns: DNSServer,
        clocks: Clocks,
        wildcards: Callable[[], Sequence[Wildcard]],
    ) -> None:
        self._store = store
        self._proxy = proxy
        self._dns = dns
        self._clocks = clocks
        self._wildcards = wildcards
        self._connections = Connections(
            proxy.plane.traffic, lambda record: proxy.algorithm(record.route.port_name) or "chosen", clocks
        )

    async def explain(self, namespace: str, name: str) -> dict[str, Any]:
        """Return why a Service works or does not (see ``explain``); or an Ingress, whose name is ``ingress/NAME``."""
        kind, slash, of_ingress = name.partition("/")
        if slash and kind == "ingress":
            return self._explain_ingress(namespace, of_ingress)
        service = find_service(self._store, namespace, name)
        doubts = await self._doubts(key_of(service))
        unresolved = await self._unresolved(read_service(service))
        proxy = self._proxy
        observed = Observed(
            proxy.rules, proxy.listeners(), doubts, unresolved, self._wildcards(), proxy.default_balancer
        )._replace(not_carried=self.not_carried(key_of(service)))
        return explain_service(self._store, service, observed)

    def _explain_ingress(self, namespace: str, name: str) -> dict[str, Any]:
        from kubesvc.why.explain.ingresses import explain_ingress  # few clusters have any

        obj, proxy = find_object(self._store, INGRESSES, namespace, name), self._proxy
        return explain_ingress(obj, proxy.rules, proxy.listeners(), proxy.ingress_problems(key_of(obj)))

    def simulated(self, namespace: str, name: str) -> dict[str, Any]:
        """Return what a simulation of a Service needs (see ``simulated``)."""
        from kubesvc.why.simulated import simulated_document  # few clusters are simulated

        service = find_service(self._store, namespace, name)
        return simulated_document(self._store, service, self._proxy.default_balancer)

    def problems(self, services: Sequence[ObjectKey]) -> list[str]:
        """Return why Services do not work, one sentence for each problem."""
        observed = Observed(self._proxy.rules, self._proxy.listeners())
        return [
            f"Service {key}: {finding['text']}"
            for key in services
            if (service := self._store.find(SERVICES, key)) is not None
            for finding in explain_service(self._store, service, observed)["findings"]
            if finding["weight"] == Weight.PROBLEM
        ]

    async def trace(self, namespace: str, source: str, destination: str, request: str = "") -> dict[str, Any]:
        """Return what a packet meets (see ``trace``); ``request`` is the head of an HTTP request with it."""
        listeners = self._proxy.listeners()
        target = read_destination(self._store, namespace, destination, resolve=self._resolve, listeners=listeners)
        is_ipv6 = ":" in target.destination.address
        where = read_source(self._store, namespace, source, is_ipv6=is_ipv6)
        packet = Packet(where, target.destination, _read_head(request))
        if target.pod:
            return direct_document(packet, target, self._proxy.rules.judge(where, target.destination))
        try:
            trace = await self._proxy.plane.traffic.trace(packet)
        except PlaneError as error:
            raise StatusError(503, "ServiceUnavailable", f"{error}; it is started again") from error
        claim = trace.decision.claim
        if claim is None:
            return self._unclaimed(trace, target, packet)
        heard = [each for each in listeners if each.port_name == claim.port_name and _is_at(each, target.destination)]
        doubts = await self._doubts(claim.port_name.service)
        document = trace_document(trace, target, heard[0] if heard else None, doubts)
        is_outside = not self._proxy.rules.nodes.home(where) and target.destination.protocol != "UDP"
        return closed_document(document) if is_outside and trace.decision.is_closed else document

    def _unclaimed(self, trace: Trace, target: TraceTarget, packet: Packet) -> dict[str, Any]:
        """Return the trace of a packet to what is no Service's, as far as this proxy knows."""
        if ip_address(target.destination.address).is_global:
            document = outside_document(trace, target, self.internet_error())
        elif (other := find_other_proxy(self._store, target.destination)) is not None:
            document = other_document(trace_document(trace, target, None), other)
        else:
            return trace_document(trace, target, None)
        return judged_document(document, packet, self._proxy.rules.judge(packet.source, target.destination))

    async def trace_dns(self, namespace: str, name: str, qtype: str) -> dict[str, Any]:
        """Return what the name server answers, and why (see ``trace``)."""
        asked = _read_type(qtype)
        explanation = self._explain_name(namespace, name, asked)
        *before, last = explanation.lookups
        if outside := _outside_name(last):
            said = await self._dns.outside_rcode(outside, asked)
            reason = (
                f"An upstream answers {outside} with {said}." if said else f"No upstream answers {outside} in time."
            )
            last = last._replace(reasons=(*last.reasons, reason))
        return dns_document(explanation._replace(lookups=(*before, last)))

    async def connections(self, namespace: str = "", name: str = "") -> dict[str, Any]:
        """Return the recent connections (see ``connections``), of one namespace or Service if given."""
        documents = await self._connections.documents(namespace, name)
        notes = self._unseen(namespace, name, has_any=bool(documents)) if name else []
        return {"connections": documents, "notes": notes}

    def follow_connections(self, namespace: str = "", name: str = "") -> AsyncGenerator[dict[str, Any], None]:
        """Return the recent connections, and then those that begin and end."""
        return self._connections.follow(namespace, name)

    def _unseen(self, namespace: str, name: str, *, has_any: bool) -> list[str]:
        """Return why clients of a Service have no rows; StatusError if the Service never existed."""
        try:
            service = read_service(find_service(self._store, namespace, name))
        except StatusError:
            if has_any:
                return []  # it was deleted, its connections are still listed
            raise
        if service.is_external_name or service.is_headless:
            return [f"Service {service.key} has no address of its own: its clients connect to what DNS answers"]
        rules = self._proxy.rules
        if any(rules.ports[each].has_any for each in rules.by_service.get(service.key, ())):
            return []
        return [
            f"Service {service.key} has no endpoints: the kernel refuses its clients, so they have no row here "
            f"(`kubesvc explain svc/{name} -n {namespace}` says why)"
        ]

    async def _unresolved(self, service: Service) -> str:
        """Return why the target of an ExternalName is not reached, "" if it is or there is no target."""
        target = service.external_name if service.is_external_name else ""
        try:
            (lookup,) = self._dns.explain(f"{target.rstrip('.')}.", QType.A, "").lookups if target else (None,)
        except ValueError:
            return ""  # not a DNS name, which is explained elsewhere
        if lookup is None or lookup.rcode in ("NOERROR", "NODATA"):
            return ""
        if lookup.rcode != "UPSTREAM":
            return f"Its target {target} has no address: DNS answers {lookup.rcode}. {' '.join(lookup.reasons)}"
        said = await self._dns.outside_rcode(target, QType.A)
        answer = f"an upstream name server answers {said}" if said else "no upstream name server answers in time"
        if said != "NOERROR":
            return f"Its target {target} has no address: {answer}."
        error = self.internet_error()
        return f"Pods do not reach its target {target}, nor any other host outside: {error}." if error else ""

    async def _doubts(self, service: ObjectKey) -> Doubts:
        records = await self._proxy.plane.traffic.records()
        return doubts_of(service, records, self._proxy.loops(service), self._clocks.monotonic())

    def _explain_name(self, namespace: str, name: str, qtype: QType) -> Explanation:
        try:
            return self._dns.explain(name, qtype, namespace)
        except ValueError as error:
            raise StatusError(400, "BadRequest", f"{name!r} is not a DNS name: {error}") from None

    def _resolve(self, name: str, namespace: str, is_ipv6: bool) -> list[str]:
        qtype = QType.AAAA if is_ipv6 else QType.A
        last = self._explain_name(namespace, name, qtype).lookups[-1]
        return [line.split()[-1] for line in last.answers if line.split()[3] == qtype.name]


def _outside_name(lookup: Lookup) -> str:
    """Return the external name at which a lookup ends: its own, or that of an alias; "" if it ends in the cluster."""
    if lookup.rcode == "UPSTREAM":
        return lookup.name
    fields = lookup.answers[-1].split() if lookup.answers else []
    return fields[4] if fields[3:4] == ["CNAME"] and lookup.type != "CNAME" else ""


def _is_at(listener: ListenerStatus, destination: Destination) -> bool:
    return (listener.address, listener.requested_port, listener.protocol) == destination


def _read_head(request: str) -> bytes:
    head = request.encode("latin-1", "replace")
    if not head:
        return head
    try:
        read_request(head, HttpConfig().header_fields)
    except Refused as refused:
        raise StatusError(400, "BadRequest", f"the request would be refused: {refused.reason}") from None
    return head


def _read_type(text: str) -> QType:
    try:
        return QType[text.upper()]
    except KeyError:
        known = ", ".join(each.name for each in QType)
        raise StatusError(400, "BadRequest", f"{text!r} is not a known record type: {known}") from None

"""What a running cluster says of itself when somebody asks why: `kubesvc explain`, `trace` and `connections`.

Thin: brings the Store, the proxy and the name server to the pure parts that answer, and changes nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator
from typing import Any

from kubeapi.status import StatusError
from kubeapi.store import Store
from kubedns.explain import Explanation
from kubedns.server import DNSServer
from kubedns.types import QType
from kubeproxy.listeners import ListenerStatus
from kubeproxy.rules import Packet
from kubeproxy.server import ProxyServer
from kubeproxy.types import Destination
from kubeproxy.workers import WorkerError
from kubesvc.connections import Clocks, Connections
from kubesvc.explain.explaining import explain_service, find_service
from kubesvc.explain.findings import Weight
from kubesvc.readiness import services_without_endpoints
from kubesvc.trace.addressing import read_destination, read_source
from kubesvc.trace.documents import direct_document, dns_document, trace_document

MOST_PROBLEMS = 20
"""Services of which it is said that they lead nowhere; of more nobody reads."""


class Diagnosis:
    """Answers for one cluster. A question that cannot be answered is a StatusError whose text says why."""

    def __init__(self, store: Store, proxy: ProxyServer, dns: DNSServer, clocks: Clocks) -> None:
        self._store = store
        self._proxy = proxy
        self._dns = dns
        self._connections = Connections(
            proxy.plane, lambda record: proxy.algorithm(record.route.service) or "chosen", clocks
        )

    def explain(self, namespace: str, name: str) -> dict[str, Any]:
        """Return why a Service works or does not (see ``explain``)."""
        service = find_service(self._store, namespace, name)
        return explain_service(self._store, self._proxy.rules, self._proxy.listeners(), service)

    def problems(self) -> list[str]:
        """Return why the Services lead nowhere that have no endpoint which takes traffic, one sentence each."""
        listeners = self._proxy.listeners()
        dead = itertools.islice(services_without_endpoints(self._store), MOST_PROBLEMS)
        return [
            f"Service {key}: {finding['text']}"
            for key, service in dead
            for finding in explain_service(self._store, self._proxy.rules, listeners, service)["findings"]
            if finding["weight"] == Weight.PROBLEM
        ]

    async def trace(self, namespace: str, source: str, destination: str) -> dict[str, Any]:
        """Return what a packet meets (see ``trace``)."""
        listeners = self._proxy.listeners()
        target = read_destination(self._store, namespace, destination, resolve=self._resolve, listeners=listeners)
        is_ipv6 = ":" in target.destination.address
        packet = Packet(read_source(self._store, namespace, source, is_ipv6=is_ipv6), target.destination)
        if target.pod:
            return direct_document(packet, target)
        try:
            trace = await self._proxy.plane.trace(packet)
        except WorkerError as error:
            raise StatusError(503, "ServiceUnavailable", f"{error}; it is started again") from error
        heard = [each for each in listeners if each.service == trace.service and _is_at(each, target.destination)]
        return trace_document(trace, target, heard[0] if heard else None)

    def trace_dns(self, namespace: str, name: str, qtype: str) -> dict[str, Any]:
        """Return what the name server answers, and why (see ``trace``)."""
        return dns_document(self._explain_name(namespace, name, _read_type(qtype)))

    async def connections(self) -> dict[str, Any]:
        """Return the recent connections (see ``connections``)."""
        return {"connections": await self._connections.documents()}

    def follow_connections(self) -> AsyncGenerator[dict[str, Any], None]:
        """Return the recent connections, and then those that begin and end."""
        return self._connections.follow()

    def _explain_name(self, namespace: str, name: str, qtype: QType) -> Explanation:
        try:
            return self._dns.explain(name, qtype, namespace)
        except ValueError as error:
            raise StatusError(400, "BadRequest", f"{name!r} is no DNS name: {error}") from None

    def _resolve(self, name: str, namespace: str, is_ipv6: bool) -> list[str]:
        qtype = QType.AAAA if is_ipv6 else QType.A
        last = self._explain_name(namespace, name, qtype).lookups[-1]
        return [line.split()[-1] for line in last.answers if line.split()[3] == qtype.name]


def _is_at(listener: ListenerStatus, destination: Destination) -> bool:
    return (listener.address, listener.requested_port, listener.protocol) == destination


def _read_type(text: str) -> QType:
    try:
        return QType[text.upper()]
    except KeyError:
        known = ", ".join(each.name for each in QType)
        raise StatusError(400, "BadRequest", f"{text!r} is no record type that is known here: {known}") from None

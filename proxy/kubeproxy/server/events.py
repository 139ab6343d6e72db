"""The events that a change of the rules gives to Services: conflicts, unknown algorithms, endpoints that lead back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from kubeapi.meta import ObjectKey
from kubehost.network import Network
from kubeproxy.ingress.compiling import Problem
from kubeproxy.loadbalancing.algorithms import why_no_algorithm
from kubeproxy.proxier import Sync
from kubeproxy.targets import Loop, Targets
from kubeproxy.types import ServicePortName, ingress_event_key, is_ingress

WARNING = "Warning"

Record = Callable[[ObjectKey, str, str, str], None]
"""Records an event about a Service: its key, Normal or Warning, the reason, the message."""


class SyncEvents:
    """Records each trouble once, when it is new.

    ``ingresses_at`` returns the Ingresses that are served by the rules with a key.
    """

    ingresses_at: Callable[[ObjectKey], Sequence[ObjectKey]] = staticmethod(lambda _: ())

    def __init__(self, record: Record, network: Network, default_balancer: str) -> None:
        self._record = record
        self._targets = Targets(network)
        self._loops: dict[ServicePortName, tuple[Loop, ...]] = {}
        self._default_balancer = default_balancer
        self._unknown_balancers: dict[ServicePortName, str] = {}
        self._ingress_problems = frozenset[Problem]()

    def note(self, sync: Sync) -> None:
        """Record what is new with a change of the rules."""
        for conflict in sync.conflicts:
            self._tell(conflict.loser.service, "PortConflict", str(conflict))
        for port_name in sync.ports:
            self._note_balancer(sync, port_name)
        self._note_loops(sync)

    def note_ingresses(self, problems: Collection[Problem]) -> None:
        """Record what is new of what does not work of Ingresses."""
        for each in problems:
            if each not in self._ingress_problems:
                self._record(ingress_event_key(each.ingress), WARNING, each.reason, each.message)
        self._ingress_problems = frozenset(problems)

    def loops(self, port_name: ServicePortName) -> tuple[Loop, ...]:
        """Return the endpoints of a Service port that are not dialled, because they lead back to it."""
        return self._loops.get(port_name, ())

    def note_unserved_health_check(self, service: ObjectKey, message: str) -> None:
        """Record that a healthCheckNodePort is not served somewhere."""
        self._record(service, WARNING, "FailedToStartServiceHealthcheck", message)

    def note_bind_failure(self, port_name: ServicePortName, message: str) -> None:
        """Record that a Service port cannot be reached at some address."""
        self._tell(port_name.service, "PortBindFailed", message)

    def note_kernel_refusal(self, port_name: ServicePortName, message: str) -> None:
        """Record that the kernel does not take the rules of a Service port."""
        self._record(port_name.service, WARNING, "KernelRulesRefused", message)

    def _tell(self, service: ObjectKey, reason: str, message: str) -> None:
        """Record a trouble of rules: about their Service, or about all Ingresses that are served by them."""
        about = map(ingress_event_key, self.ingresses_at(service)) if is_ingress(service) else (service,)
        for each in about:
            self._record(each, WARNING, reason, message)

    def _note_balancer(self, sync: Sync, port_name: ServicePortName) -> None:
        rule = sync.rules.ports.get(port_name)
        why = why_no_algorithm(rule.service_port, self._default_balancer) if rule else ""
        if not why:
            self._unknown_balancers.pop(port_name, None)
        elif self._unknown_balancers.get(port_name) != why:
            self._unknown_balancers[port_name] = why
            self._record(port_name.service, WARNING, "UnknownBalancer", why)

    def _note_loops(self, sync: Sync) -> None:
        """Look at the Service ports that changed, at those with a known loop, and at all that are part of a new one."""
        self._targets.rules = sync.rules
        waiting = [*sync.ports, *self._loops]
        seen = set[ServicePortName]()
        for port_name in waiting:
            if port_name in seen:
                continue
            seen.add(port_name)
            known = self._loops.pop(port_name, ())
            if found := tuple(self._targets.loops(port_name)):
                self._loops[port_name] = found
            for loop in found:
                waiting += loop.way
                if loop not in known:
                    self._record(port_name.service, WARNING, "ProxyLoop", str(loop))

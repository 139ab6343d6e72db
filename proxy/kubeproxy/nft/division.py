"""Which Service ports the kernel serves in the cluster's network, and which the userspace engine: no client finds none.

Pure. What changes hands is taken by the new engine before the old one lets go: the kernel's rules come before sockets,
so a Service that goes to the kernel has rules first, and one that goes back has sockets first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from kubeproxy.nft.eligibility import why_not
from kubeproxy.nft.serviceport import service_part
from kubeproxy.nft.tables import EMPTY, Entry, Part
from kubeproxy.proxier import Sync
from kubeproxy.rules import PortRule, Rules
from kubeproxy.types import Destination, ServicePortName


class Division(NamedTuple):
    """What a change of the rules means for the kernel.

    ``parts`` are wanted before the userspace engine obeys the change; ``leaving`` go after that. ``gone`` are those
    that are no more. ``reasons`` say why the kernel cannot serve a Service port; ports without one are the kernel's,
    unless it refuses them.
    """

    parts: Mapping[ServicePortName, Part]
    leaving: tuple[ServicePortName, ...]
    gone: tuple[ServicePortName, ...]
    reasons: Mapping[ServicePortName, str]

    def named(self) -> frozenset[ServicePortName]:
        """Return all Service ports that may change hands."""
        return frozenset((*self.parts, *self.leaving, *self.gone))


class Divider(NamedTuple):
    """What is asked of a Service port: ``is_in_cluster`` tells whether the kernel reaches an endpoint's address."""

    default_balancer: str
    is_in_cluster: Callable[[str], bool]

    def divide(self, old: Rules, sync: Sync, current: Mapping[ServicePortName, Part]) -> Division:
        """Return what changes, where the kernel has the parts ``current`` now."""
        rules = sync.rules
        parts: dict[ServicePortName, Part] = {}
        leaving: list[ServicePortName] = []
        reasons: dict[ServicePortName, str] = {}
        for name in dict.fromkeys((*sync.ports, *heirs(old, sync))):
            if name.is_pod:  # pods answer for themselves there, and ports of nodes that lead to them are relayed
                continue
            rule = rules.ports.get(name)
            reason = why_not(rule, self.default_balancer, self.is_in_cluster) if rule is not None else ""
            if not reason:
                part = service_part(rules, name)
                if part is not EMPTY or name in current:
                    parts[name] = part
                continue
            reasons[name] = reason
            if name in current:
                parts[name] = _without_lost(rules, name, current[name])
                leaving.append(name)
        gone = tuple(each for each in sync.ports if each not in rules.ports)
        return Division(parts, tuple(leaving), gone, reasons)


def cut_off(old: Rules, sync: Sync, changed: Collection[ServicePortName]) -> frozenset[Destination]:
    """Return the UDP destinations with flows that may have to end: endpoints are gone, or hands have ``changed``."""
    names = {each for each in sync.ports if each.protocol == "UDP" and _loses(old.ports.get(each), sync.rules, each)}
    names |= {each for each in changed if each.protocol == "UDP"}
    return destinations_of(old, names) | destinations_of(sync.rules, names)


def destinations_of(rules: Rules, names: Iterable[ServicePortName]) -> frozenset[Destination]:
    """Return the destinations that Service ports ask for."""
    found = (rules.ports[each] for each in names if each in rules.ports)
    return frozenset(destination for rule in found for destination, _ in rule.destinations)


def _loses(before: PortRule | None, rules: Rules, name: ServicePortName) -> bool:
    after = rules.ports.get(name)
    return before is not None and bool(before.serving() - (after.serving() if after is not None else set()))


def heirs(old: Rules, sync: Sync) -> Iterator[ServicePortName]:
    """Yield the Service ports that have the destinations of changed ones: another's change may give them to these."""
    new = sync.rules
    for name in sync.ports:
        for rules in (old, new):
            rule = rules.ports.get(name)
            for destination, _ in rule.destinations if rule else ():
                claims = new.claims.get(destination)
                if claims and claims[0].port_name != name:
                    yield claims[0].port_name


def _without_lost(rules: Rules, name: ServicePortName, part: Part) -> Part:
    """Return a part without the entries of destinations that are another Service port's now."""

    def is_kept(entry: Entry) -> bool:
        match entry.key:
            case (str(address), str(protocol), int(port)):
                claims = rules.claims.get(Destination(address, port, protocol), ())
                return any(each.port_name == name for each in claims[:1])
        return True

    return Part(part.chains, part.sets, frozenset(filter(is_kept, part.entries)))

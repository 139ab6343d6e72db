"""The parts of the table of policies, and which of them a change concerns. Pure; one object for both families.

    common                       base chains, maps
    (direction, policies)        the chain of the pods that the same policies isolate, and for egress a set of them
    PeerSet                      the pods that a rule's peer selects
    (port's name, protocol)      the pods' ports of that name
    an address                   an isolated pod: which chains are its
    ServicePortName              what is dropped at a Service's addresses

A change of one pod is matched against the selectors that rules name, and touches only the parts that have the pod, or
are to have it. A change of a policy or of a namespace's labels looks at everything, and touches what differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from kubeapi.meta import ObjectKey
from kubeapi.objects.networkpolicy import EGRESS, INGRESS
from kubeproxy.nft import naming
from kubeproxy.nft import statements as st
from kubeproxy.nft.division import heirs
from kubeproxy.nft.policies.chains import (
    EGRESS_OF,
    INGRESS_OF,
    ITSELF,
    PeerSet,
    common_part,
    isolation_rules,
    named_ports,
    peer_sets,
)
from kubeproxy.nft.policies.pods import FREE, Isolation, NamedPort, alike_pods, changed_pods, isolation_of, ports_of
from kubeproxy.nft.policies.services import Outlets, closing_part, outlets_of
from kubeproxy.nft.statements import TO, Field
from kubeproxy.nft.tables import EMPTY, Chain, Entry, NamedSet, Owner, Part
from kubeproxy.proxier import Sync
from kubeproxy.rules import Rules
from kubeproxy.rules.policies import Policies
from kubeproxy.types import IPV4, IPV6, ServicePortName, family_of

COMMON = "common"
FAMILIES = (IPV4, IPV6)
Wanted = Mapping[str, Mapping[Owner, Part]]
"""By family what parts are to be; in an order in which each finds what it names."""


class PolicyTables:
    """The state as of the last ``change``, from none at the beginning."""

    def __init__(self, servers: Iterable[str] = ()) -> None:
        self._servers = tuple(servers)
        self._rules = Rules()
        self._isolations: dict[str, Isolation] = {}
        self._peers: dict[PeerSet, frozenset[str]] = {}
        self._ports: dict[NamedPort, frozenset[tuple[str, int]]] = {}
        self._users: dict[tuple[str, tuple[ObjectKey, ...]], set[str]] = {}
        self._services: set[ServicePortName] = set()
        self._is_new = True

    def change(self, sync: Sync) -> Wanted:
        """Return the parts that the rules of now want otherwise than those before, EMPTY for one that is gone."""
        old, self._rules = self._rules, sync.rules
        before, policies = old.policies, sync.rules.policies
        is_all = self._is_new or (before.policies, before.namespaces) != (policies.policies, policies.namespaces)
        self._is_new = False
        senders = self._senders()
        if is_all:
            dirty, services = self._look_at_all(policies), dict.fromkeys((*self._services, *sync.rules.ports))
        else:
            pods = frozenset(changed_pods(before, policies))
            dirty, services = self._look_at(policies, pods), self._concerned(old, sync, pods)
            if senders != self._senders():
                services = dict.fromkeys((*self._services, *sync.rules.ports))
        isolated = sorted(self._senders()) if services else ()
        outlets = {each: outlets_of(policies, each, self._peers) for _, each in isolated}
        return {family: dict(self._parts(family, dirty, services, outlets)) for family in FAMILIES}

    def _look_at_all(self, policies: Policies) -> dict[Owner, None]:
        """Find everything anew, and return the owners of all parts that there were or are."""
        owners = dict.fromkeys(self._owners())
        pods, all_policies, alike = policies.pods, policies.policies.values(), alike_pods(policies.pods)
        self._peers = {
            each: frozenset(ip for pod, ips in alike if policies.selects(each.peer, each.namespace, pod) for ip in ips)
            for each in frozenset[PeerSet]().union(*map(peer_sets, all_policies))
        }
        self._ports = {
            each: frozenset(at for ip, pod in pods.items() for at in ports_of(ip, pod, each))
            for each in frozenset[NamedPort]().union(*map(named_ports, all_policies))
        }
        self._isolations.clear()
        self._users.clear()
        for pod, ips in alike:
            after = isolation_of(policies, pod)
            for ip in ips:
                for _ in self._isolate(ip, after):
                    pass
        return owners | dict.fromkeys(self._owners())

    def _owners(self) -> Iterator[Owner]:
        yield COMMON
        yield from self._ports
        yield from self._peers
        yield from self._users
        yield from self._isolations

    def _look_at(self, policies: Policies, ips: Iterable[str]) -> dict[Owner, None]:
        """Find what is true of some pods, and return the owners of the parts that this changes."""
        dirty: dict[Owner, None] = {}
        for ip in ips:
            pod = policies.pods.get(ip)
            dirty |= dict.fromkeys(self._isolate(ip, isolation_of(policies, pod)))
            for peers, members in self._peers.items():
                is_one = pod is not None and policies.selects(peers.peer, peers.namespace, pod)
                if is_one != (ip in members):
                    self._peers[peers] = members ^ {ip}
                    dirty[peers] = None
            for named, found in self._ports.items():
                own = frozenset(ports_of(ip, pod, named) if pod is not None else ())
                there = {each for each in found if each[0] == ip}
                if own != there:
                    self._ports[named] = found - there | own
                    dirty[named] = None
        return dirty

    def _isolate(self, ip: str, after: Isolation) -> Iterator[Owner]:
        """Note which policies isolate an address, and yield the owners that this concerns."""
        before = self._isolations.pop(ip, FREE)
        if after != FREE:
            self._isolations[ip] = after
        for direction, old, new in zip((INGRESS, EGRESS), before, after, strict=True):
            if old == new:
                continue
            yield ip
            if old:
                self._users[direction, old].discard(ip)
                yield direction, old
                if not self._users[direction, old]:
                    del self._users[direction, old]
            if new:
                self._users.setdefault((direction, new), set()).add(ip)
                yield direction, new

    def _senders(self) -> frozenset[tuple[str, tuple[ObjectKey, ...]]]:
        return frozenset(each for each in self._users if each[0] == EGRESS)

    @staticmethod
    def _concerned(old: Rules, sync: Sync, pods: frozenset[str]) -> dict[ServicePortName, None]:
        """Return the Service ports that have changed, and those with one of the pods as an endpoint."""
        served = (name for name, rule in sync.rules.ports.items() if any(each.ip in pods for each in rule.endpoints))
        return dict.fromkeys((*sync.ports, *heirs(old, sync), *(served if pods else ())))

    def _parts(
        self, family: str, dirty: Mapping[Owner, None], services: Mapping[ServicePortName, None], outlets: Outlets
    ) -> Iterator[tuple[Owner, Part]]:
        """Yield parts: sets, chains, what leads to chains; then, the other way round, what is gone."""
        found = [(each, self._part(family, each)) for each in sorted(dirty, key=_rank)]
        for name in services:
            if name.family == family:
                part = closing_part(self._rules, name, self._isolations, outlets)
                if part is not EMPTY:
                    self._services.add(name)
                    found.append((name, part))
                elif name in self._services:
                    self._services.discard(name)
                    found.append((name, EMPTY))
        yield from (each for each in found if each[1] is not EMPTY)
        yield from (each for each in reversed(found) if each[1] is EMPTY)

    def _part(self, family: str, owner: Owner) -> Part:
        match owner:
            case PeerSet():
                members = self._peers.get(owner)
                return EMPTY if members is None else _set_part(owner.name, (Field.SOURCE,), _of(family, members))
            case (str(direction), tuple(policies)):
                return self._isolation_part(family, direction, policies)
            case (str(name), str(protocol)):
                return self._port_part(family, name, protocol)
            case str() if owner != COMMON:
                return self._pod_part(family, owner)
        return common_part(tuple(_of(family, self._servers)))

    def _isolation_part(self, family: str, direction: str, keys: tuple[ObjectKey, ...]) -> Part:
        users = self._users.get((direction, keys))
        if not users:
            return EMPTY
        policies = tuple(self._rules.policies.policies[each] for each in keys)
        chains = {naming.isolation_chain(direction, keys): Chain(isolation_rules(policies, direction, family))}
        if direction == INGRESS:
            return Part(chains)
        senders = _set_part(naming.sender_set(keys), (Field.SOURCE,), _of(family, users))
        return Part(chains, senders.sets, senders.entries)

    def _port_part(self, family: str, name: str, protocol: str) -> Part:
        found = self._ports.get((name, protocol))
        if found is None:
            return EMPTY
        set_name = naming.port_set(name, protocol)
        entries = (Entry(set_name, (ip, protocol, number)) for ip, number in found if family_of(ip) == family)
        return Part({}, (NamedSet(set_name, TO),), frozenset(entries))

    def _pod_part(self, family: str, ip: str) -> Part:
        ingress, egress = self._isolations.get(ip, FREE)
        if family_of(ip) != family or not (ingress or egress):
            return EMPTY
        entries = [Entry(ITSELF, (ip, ip))]
        if ingress:
            entries.append(Entry(INGRESS_OF, (ip,), st.Jump(naming.isolation_chain(INGRESS, ingress))))
        if egress:
            entries.append(Entry(EGRESS_OF, (ip,), st.Jump(naming.isolation_chain(EGRESS, egress))))
        return Part({}, (), frozenset(entries))


def _set_part(name: str, key: tuple[Field, ...], addresses: Iterable[str]) -> Part:
    return Part({}, (NamedSet(name, key),), frozenset(Entry(name, (each,)) for each in addresses))


def _of(family: str, addresses: Iterable[str]) -> Iterator[str]:
    return (each for each in addresses if family_of(each) == family)


def _rank(owner: Owner) -> int:
    """Order parts: sets come before chains, and chains before what leads to them."""
    if owner == COMMON:
        return 0
    match owner:
        case PeerSet() | (str(), str()):
            return 1
        case (str(), tuple()):
            return 2
    return 3

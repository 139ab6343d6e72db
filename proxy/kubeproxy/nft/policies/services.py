"""Which packets to a Service's address are dropped, because policies let them to none of its endpoints. Pure.

A socket of the proxy would take the connection before there is an endpoint, so its client would see a connection where
a cluster lets it wait. What the kernel translates never comes here. The rules of the chain are those that the ingress
of the endpoints' pods has, with the ports decided; pods with isolated egress go another way where they may not use all
endpoints. Where some endpoints are left the proxy chooses among these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import collapse_addresses
from typing import NamedTuple

from kubeapi.meta import ObjectKey
from kubeapi.objects.networkpolicy import EGRESS, INGRESS, IPBlock, PolicyPort
from kubeproxy.nft import naming
from kubeproxy.nft import statements as st
from kubeproxy.nft.policies.chains import SERVICES, PeerSet, peer_matches
from kubeproxy.nft.statements import Field, Rule
from kubeproxy.nft.tables import EMPTY, Chain, Entry, Part
from kubeproxy.rules import PortRule, Rules
from kubeproxy.rules.policies import Policies, PolicyPod, has_port, is_in_block, network
from kubeproxy.types import Destination, Endpoint, ServicePortName

Isolations = Mapping[str, tuple[tuple[ObjectKey, ...], tuple[ObjectKey, ...]]]
"""By the address of an isolated pod the policies that isolate its ingress, and its egress."""


class Outlet(NamedTuple):
    """One rule of isolated egress: the addresses of the pods that it names (None: everything), blocks and ports."""

    members: frozenset[str] | None
    blocks: tuple[IPBlock, ...]
    ports: tuple[PolicyPort, ...]

    def lets_out(self, destination: Destination, pod: PolicyPod | None) -> bool:
        """Tell whether a connection to an endpoint may leave; ``pod`` is the one there."""
        if self.ports and not any(has_port(each, destination, pod.ports if pod else ()) for each in self.ports):
            return False
        address = destination.address
        if self.members is None or address in self.members:
            return True
        return any(is_in_block(each, address) for each in self.blocks)


def outlets_of(
    policies: Policies, isolating: tuple[ObjectKey, ...], members: Mapping[PeerSet, frozenset[str]]
) -> tuple[Outlet, ...]:
    """Return the rules of the egress that these policies isolate; ``members`` are the pods of each set of peers."""
    found = []
    for key in isolating:
        for rule in policies.policies[key].rules(EGRESS) or ():
            pods = (members[PeerSet.of(key.namespace, each)] for each in rule.peers if each.block is None)
            blocks = tuple(each.block for each in rule.peers if each.block is not None)
            found.append(Outlet(frozenset[str]().union(*pods) if rule.peers else None, blocks, rule.ports))
    return tuple(found)


Outlets = Mapping[tuple[ObjectKey, ...], tuple[Outlet, ...]]
"""By the policies that isolate the egress of some pod."""


def closing_part(rules: Rules, port_name: ServicePortName, isolations: Isolations, outlets: Outlets) -> Part:
    """Return what a Service port has in the table of policies; EMPTY if nothing to it is dropped."""
    rule = rules.ports.get(port_name)
    if rule is None or port_name.is_pod:
        return EMPTY
    own = (each for each, _ in rule.destinations if rules.claims[each][0].port_name == port_name)
    return _Closing(rule, rules.policies, isolations, outlets).part(own)


class _Closing:
    def __init__(self, rule: PortRule, policies: Policies, isolations: Isolations, outlets: Outlets) -> None:
        self._rule = rule
        self._name = rule.service_port.name
        self._policies = policies
        self._isolations = isolations
        self._outlets = outlets
        self._chains: dict[str, Chain] = {}

    def part(self, destinations: Iterable[Destination]) -> Part:
        endpoints = tuple(self._rule.reachable().values())
        rules = [*self._by_sender(endpoints), *self._admitting(endpoints)] if endpoints else []
        if not rules:
            return EMPTY
        chain = naming.closing_chain(self._name)
        self._chains[chain] = Chain(tuple(rules))
        keys = ((each.address, each.protocol, each.port) for each in destinations)
        return Part(self._chains, (), frozenset(Entry(SERVICES, key, st.Jump(chain)) for key in keys))

    def _by_sender(self, endpoints: tuple[Endpoint, ...]) -> Iterator[Rule]:
        """Yield where pods go that may not use all endpoints; a pod may always use itself."""
        for each, outlets in self._outlets.items():
            open_ones = tuple(endpoint for endpoint in endpoints if self._lets_out(outlets, endpoint))
            if len(open_ones) < len(endpoints):
                yield from self._itself(endpoints) if not self._chains else ()
                yield st.InSet((Field.SOURCE,), naming.sender_set(each)), self._among(open_ones)

    def _lets_out(self, outlets: tuple[Outlet, ...], endpoint: Endpoint) -> bool:
        destination, pod = (
            Destination(endpoint.ip, endpoint.port, self._name.protocol),
            self._policies.pods.get(endpoint.ip),
        )
        return any(each.lets_out(destination, pod) for each in outlets)

    def _among(self, endpoints: tuple[Endpoint, ...]) -> st.Verdict:
        """Return what becomes of packets that may use these endpoints only."""
        if not endpoints:
            return st.End.DROP
        rules = tuple(self._admitting(endpoints))
        if not rules:
            return st.End.RETURN
        chain = naming.closing_chain(self._name, tuple(each.address for each in endpoints))
        self._chains[chain] = Chain(rules)
        return st.Goto(chain)

    def _admitting(self, endpoints: tuple[Endpoint, ...]) -> Iterator[Rule]:
        """Yield what returns packets that the ingress of one of the endpoints lets in; nothing if one lets in all."""
        entries = dict.fromkeys((self._isolations.get(each.ip, ((), ()))[0], each.port) for each in endpoints)
        if any(not isolating for isolating, _ in entries):
            return
        yield from self._itself(endpoints)
        found = (rule for each in endpoints for rule in self._admitting_to(each))
        yield from dict.fromkeys(found)
        yield (st.End.DROP,)

    def _admitting_to(self, endpoint: Endpoint) -> Iterator[Rule]:
        destination = Destination(endpoint.ip, endpoint.port, self._name.protocol)
        pod = self._policies.pods[endpoint.ip]
        for key in self._isolations[endpoint.ip][0]:
            for rule in self._policies.policies[key].rules(INGRESS) or ():
                if not rule.ports or any(has_port(each, destination, pod.ports) for each in rule.ports):
                    for peer in peer_matches(key, rule.peers, Field.SOURCE, self._name.family):
                        yield (*peer, st.End.RETURN)

    def _itself(self, endpoints: tuple[Endpoint, ...]) -> Iterator[Rule]:
        merged = collapse_addresses(network(each.ip) for each in endpoints)  # type: ignore[type-var]
        yield st.FromOneOf(tuple(map(str, merged))), st.End.RETURN

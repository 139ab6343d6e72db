"""NetworkPolicies as rules of nftables: the common part of their table, and the chain of pods that some isolate. Pure.

Where packets are is after kube-proxy's translation: what pods send to each other is forwarded, with the addresses of
client pod and backend pod in both of the proxy's modes. A new connection is judged once, by the chain for its source's
egress and by that for its destination's ingress; a chain returns what a rule lets through and drops the rest. Of TCP
each packet counts as under way that does not open a connection: those that exist when a policy comes go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import collapse_addresses
from typing import NamedTuple

from kubeapi.meta import ObjectKey
from kubeapi.objects.networkpolicy import INGRESS, NetworkPolicy, PolicyPeer, PolicyPort
from kubeproxy.nft import naming
from kubeproxy.nft import statements as st
from kubeproxy.nft.matches import IsKnown, IsUnderWay, ToPorts
from kubeproxy.nft.netlink.messages import Hook
from kubeproxy.nft.statements import TO, Field, Rule
from kubeproxy.nft.tables import Chain, Entry, NamedSet, Part
from kubeproxy.rules.policies import network
from kubeproxy.types import family_of

TABLE = "kubesvc-policies"
EGRESS_OF, INGRESS_OF, ITSELF, SERVICES, SERVERS = "egress", "ingress", "itself", "services", "servers"
"""Maps: the chain of a source, of a destination, of a Service's address and port. Sets: a pod twice, and addresses of
the cluster's own servers."""
_BOTH = (Field.SOURCE, Field.DESTINATION)
_SETS = (
    NamedSet(EGRESS_OF, (Field.SOURCE,), is_map=True),
    NamedSet(INGRESS_OF, (Field.DESTINATION,), is_map=True),
    NamedSet(SERVICES, TO, is_map=True),
    NamedSet(ITSELF, _BOTH),
    NamedSet(SERVERS, (Field.DESTINATION,)),
)
_INPUT, _FORWARD = 1, 2
_AFTER_KUBE_PROXY = 10
_GOING_ON: tuple[Rule, ...] = ((IsKnown(), st.End.ACCEPT), (IsUnderWay(), st.End.ACCEPT))
_BY_SOURCE, _BY_DESTINATION = st.ByKey((Field.SOURCE,), EGRESS_OF), st.ByKey((Field.DESTINATION,), INGRESS_OF)


class PeerSet(NamedTuple):
    """The pods that a peer selects; ``namespace`` is the policy's where that decides, else ""."""

    namespace: str
    peer: PolicyPeer

    @classmethod
    def of(cls, namespace: str, peer: PolicyPeer) -> PeerSet:
        """Return the set of a peer of a policy in ``namespace``."""
        return cls("" if peer.namespaces is not None else namespace, peer)

    @property
    def name(self) -> str:
        """The name of its set."""
        texts = (each.text if each is not None else "" for each in (self.peer.namespaces, self.peer.pods))
        return naming.peer_set(self.namespace, " ".join(texts))


def common_part(servers: tuple[str, ...]) -> Part:
    """Return what the table of one family always has; ``servers`` are the addresses of the cluster's own servers."""
    forward: tuple[Rule, ...] = (
        *_GOING_ON,
        (st.InSet(_BOTH, ITSELF), st.End.ACCEPT),
        (_BY_SOURCE,),
        (_BY_DESTINATION,),
    )
    arriving: tuple[Rule, ...] = (
        *_GOING_ON,
        (st.IsFromHere(), st.End.ACCEPT),
        (st.ByKey(TO, SERVICES),),
        (st.InSet((Field.DESTINATION,), SERVERS), _BY_SOURCE),
        (_BY_DESTINATION,),
    )
    chains = {
        "forward": Chain(forward, Hook("filter", _FORWARD, _AFTER_KUBE_PROXY)),
        "input": Chain(arriving, Hook("filter", _INPUT, _AFTER_KUBE_PROXY)),
    }
    return Part(chains, _SETS, frozenset(Entry(SERVERS, (each,)) for each in servers))


def isolation_rules(policies: tuple[NetworkPolicy, ...], direction: str, family: str) -> tuple[Rule, ...]:
    """Return the chain of pods that the policies isolate in a direction, for addresses of one family."""
    field = Field.SOURCE if direction == INGRESS else Field.DESTINATION
    admitting = (
        (*peer, *port, st.End.RETURN)
        for policy in policies
        for rule in policy.rules(direction) or ()
        for peer in peer_matches(policy.key, rule.peers, field, family)
        for port in _port_matches(rule.ports)
    )
    return (*dict.fromkeys(admitting), (st.End.DROP,))


def peer_matches(
    policy: ObjectKey, peers: tuple[PolicyPeer, ...], field: Field, family: str
) -> Iterator[tuple[st.Statement, ...]]:
    """Yield what matches packets of each of the peers of a rule, () for a rule without peers."""
    if not peers:
        yield ()
    for peer in peers:
        if peer.block is None:
            yield (st.InSet((field,), PeerSet.of(policy.namespace, peer).name),)
        elif family_of(peer.block.cidr) == family:
            within = st.FromOneOf((str(network(peer.block.cidr)),), field=field)
            excepts = tuple(map(str, collapse_addresses(map(network, peer.block.excepts))))  # type: ignore[type-var]
            yield (within, st.FromOneOf(excepts, not_=True, field=field)) if excepts else (within,)


def _port_matches(ports: tuple[PolicyPort, ...]) -> Iterator[tuple[st.Statement, ...]]:
    if not ports:
        yield ()
    for each in ports:
        if isinstance(each.port, str):
            yield (st.InSet(TO, naming.port_set(each.port, each.protocol)),)
        elif each.port is None:
            yield (st.IsProtocol(each.protocol),)
        else:
            yield st.IsProtocol(each.protocol), ToPorts(each.port, each.end or each.port)


def peer_sets(policy: NetworkPolicy) -> frozenset[PeerSet]:
    """Return the sets of pods that the rules of a policy name."""
    rules = (*(policy.ingress or ()), *(policy.egress or ()))
    return frozenset(PeerSet.of(policy.key.namespace, peer) for rule in rules for peer in rule.peers if not peer.block)


def named_ports(policy: NetworkPolicy) -> frozenset[tuple[str, str]]:
    """Return name and protocol of the ports that the rules of a policy name."""
    rules = (*(policy.ingress or ()), *(policy.egress or ()))
    return frozenset((port.port, port.protocol) for rule in rules for port in rule.ports if isinstance(port.port, str))

"""The part of the tables that all Services have in common: base chains, maps, and what happens to sources. Pure.

Follows ``setupNFTables`` of k8s.io/kubernetes 1.37 ``pkg/proxy/nftables``. Differences: ``service-nodeports`` and
``no-endpoint-nodeports`` have the node's address in their keys, as all nodes are in one network. Sources are translated
to the gateway of the node that the packet met (``snat``): ``masquerade`` takes an address of the interface, which drops
packets if that is in 127.0.0.0/8 with scope host. Cluster IPs that nobody has are left to the kernel, which refuses.
On a node of a real cluster (``NodeTables``) sources are masqueraded and ports that a cluster IP has not are refused, as
by kube-proxy; what is local to the machine is left to its sockets.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import NamedTuple

from kubeproxy.nft import statements as st
from kubeproxy.nft.matches import IsToElsewhere
from kubeproxy.nft.netlink.messages import Hook
from kubeproxy.nft.statements import TO, Field, Rule
from kubeproxy.nft.tables import Chain, NamedSet, Part
from kubeproxy.rules.nodes import Node, Nodes
from kubeproxy.types import family_of

OWNER = "kube-proxy"
"""The part's owner."""
OWN_TABLE = "kubesvc-proxy"
"""The name of the table on a node of a real cluster, where kube-proxy's own may be."""

SERVICES = "services"
SERVICE_IPS, SERVICE_NODE_PORTS = "service-ips", "service-nodeports"
NO_ENDPOINT_SERVICES, NO_ENDPOINT_NODE_PORTS = "no-endpoint-services", "no-endpoint-nodeports"
FIREWALL_IPS, CLUSTER_IPS, HAIRPINS = "firewall-ips", "cluster-ips", "hairpin-connections"
REJECT = "reject-chain"
_CLUSTER_IPS_CHECK = "cluster-ips-check"
_ENDPOINTS_CHECK, _FIREWALL_CHECK, _MASQUERADING, _SOURCES = (
    "service-endpoints-check",
    "firewall-check",
    "masquerading",
    "masquerading-source",
)

MAPS = (SERVICE_IPS, SERVICE_NODE_PORTS, NO_ENDPOINT_SERVICES, NO_ENDPOINT_NODE_PORTS, FIREWALL_IPS)
"""What leads packets to the chains of Services."""
LASTING = (HAIRPINS,)
"""Sets whose entries go a moment later than their endpoints. A packet may meet the rules of before in the chain that
translates its destination, and those of now in the one that translates its source: it would come to a pod from that
pod's own address, be dropped there, and so would all that the connection sends. kube-proxy removes them at once."""
_HAIRPIN_KEY = (Field.SOURCE, Field.DESTINATION, Field.PROTOCOL, Field.PORT)
_SETS = (
    *(NamedSet(each, TO, is_map=True) for each in MAPS),
    NamedSet(CLUSTER_IPS, (Field.DESTINATION,)),
    NamedSet(HAIRPINS, _HAIRPIN_KEY),
)

_PREROUTING, _INPUT, _FORWARD, _OUTPUT, _POSTROUTING = range(5)
_DNAT, _FILTER, _SNAT = -100, 0, 100
_BASE_CHAINS: tuple[tuple[str, Hook, Rule], ...] = (
    ("filter-prerouting-pre-dnat", Hook("filter", _PREROUTING, _DNAT - 10), (st.IsNew(), st.Jump(_FIREWALL_CHECK))),
    ("filter-output-pre-dnat", Hook("filter", _OUTPUT, _DNAT - 10), (st.IsNew(), st.Jump(_FIREWALL_CHECK))),
    ("filter-input", Hook("filter", _INPUT, _FILTER), (st.IsNew(), st.Jump(_ENDPOINTS_CHECK))),
    ("filter-forward", Hook("filter", _FORWARD, _FILTER), (st.IsNew(), st.Jump(_ENDPOINTS_CHECK))),
    ("filter-output", Hook("filter", _OUTPUT, _FILTER), (st.IsNew(), st.Jump(_ENDPOINTS_CHECK))),
    ("nat-prerouting", Hook("nat", _PREROUTING, _DNAT), (st.Jump(SERVICES),)),
    ("nat-output", Hook("nat", _OUTPUT, _DNAT), (st.Jump(SERVICES),)),
    ("nat-postrouting", Hook("nat", _POSTROUTING, _SNAT), (st.Jump(_MASQUERADING),)),
)


_CHECKED: dict[str, tuple[Rule, ...]] = {
    each: ((st.IsNew(), st.Jump(_CLUSTER_IPS_CHECK)),) for each in ("filter-forward", "filter-output")
}
"""What else comes to base chains on the node of a real cluster."""
_MASQUERADED = Chain(
    (
        (st.IsMarked(), st.Mark(off=True), st.Masquerade()),
        (st.IsTranslated(), st.InSet(_HAIRPIN_KEY, HAIRPINS), st.Masquerade()),
    )
)


class NodeTables(NamedTuple):
    """What differs on the node of a real cluster. ``masquerades_all``: all traffic to cluster IPs is masqueraded.

    ``service_cidrs`` are the ranges in which addresses that no Service has are dropped.
    """

    masquerades_all: bool = False
    service_cidrs: tuple[str, ...] = ()


def skeleton(nodes: Nodes, family: str, own: NodeTables | None = None) -> Part:
    """Return the part for the addresses of one family, IPv4 or IPv6."""
    masquerades_all = own is not None and own.masquerades_all
    chains = {
        # kube-proxy answers TCP by ICMP, too, which IPv6 clients heed only when they try again, a second later.
        REJECT: Chain(((st.IsProtocol("TCP"), st.Reject(by_reset=True)), (st.Reject(),))),
        _FIREWALL_CHECK: Chain(((st.ByKey(TO, FIREWALL_IPS),),)),
        _ENDPOINTS_CHECK: Chain(((st.ByKey(TO, NO_ENDPOINT_SERVICES),), (st.ByKey(TO, NO_ENDPOINT_NODE_PORTS),))),
        SERVICES: Chain(tuple(_dispatch(nodes, family, masquerades_all=masquerades_all))),
    }
    if own is None:
        chains |= _with_gateways(nodes, family)
    else:
        chains |= {_MASQUERADING: _MASQUERADED, _CLUSTER_IPS_CHECK: Chain(tuple(_check_cluster_ips(own, family)))}
    checked = _CHECKED if own is not None else {}
    base = {name: Chain((rule, *checked.get(name, ())), hook) for name, hook, rule in _BASE_CHAINS}
    return Part({**chains, **base}, _SETS)


def _check_cluster_ips(own: NodeTables, family: str) -> Iterable[Rule]:
    """Yield what becomes of packets to cluster IPs that no Service port takes; sockets of this machine keep theirs."""
    yield st.InSet((Field.DESTINATION,), CLUSTER_IPS), IsToElsewhere(), st.Goto(REJECT)
    if ranges := _of_family(own.service_cidrs, family):
        yield st.FromOneOf(ranges, field=Field.DESTINATION), IsToElsewhere(), st.End.DROP


def _with_gateways(nodes: Nodes, family: str) -> dict[str, Chain]:
    """Return the chains that give packets the address of a gateway."""
    marked: Rule = (st.IsMarked(), st.Goto(_SOURCES))
    hairpins: Rule = (st.IsTranslated(), st.InSet(_HAIRPIN_KEY, HAIRPINS), st.Goto(_SOURCES))
    return {_SOURCES: Chain(tuple(_sources(nodes, family))), _MASQUERADING: Chain((marked, hairpins))}


def gateway_of(node: Node, family: str) -> str:
    """Return the address of a node's gateway, the first of its pods' network; "" if it has none of the family."""
    return next((str(ip_network(each, strict=False)[1]) for each in node.pod_cidrs if family_of(each) == family), "")


def _dispatch(nodes: Nodes, family: str, *, masquerades_all: bool) -> Iterable[Rule]:
    pods = _of_family((cidr for node in nodes.all for cidr in node.pod_cidrs), family)
    if masquerades_all:
        yield st.InSet((Field.DESTINATION,), CLUSTER_IPS), st.Mark()
    elif pods:
        yield st.InSet((Field.DESTINATION,), CLUSTER_IPS), st.FromOneOf(pods, not_=True), st.Mark()
    yield (st.ByKey(TO, SERVICE_IPS),)
    yield (st.ByKey(TO, SERVICE_NODE_PORTS),)


def _sources(nodes: Nodes, family: str) -> Iterable[Rule]:
    """Yield which gateway stands for a source: of the node whose address the client used, else of its own node."""
    gateways = [(node, gateway) for node in nodes.all if (gateway := gateway_of(node, family))]
    if not gateways:
        return
    own = tuple((each, to) for node, to in gateways for each in _of_family(node.addresses, family))
    pods = tuple((each, to) for node, to in gateways for each in _of_family(node.pod_cidrs, family))
    if own:
        yield (st.SnatByFirstDestination(own),)
        yield (st.SnatBySource(own),)
    yield (st.SnatBySource(pods),)
    yield (st.Snat(gateways[0][1]),)


def _of_family(addresses: Iterable[str], family: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in addresses if family_of(each) == family))

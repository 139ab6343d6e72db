"""A cluster of two nodes with NetworkPolicies, without a kernel: what the rules decide, and what nftables would do."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from tests.helpers.kubeproxy.cluster import service, slice_of
from tests.helpers.objects import build, build_endpoint, build_node, build_pod

from kubeapi.meta import JSON, ObjectKey
from kubeproxy.config import ProxyConfig
from kubeproxy.nft import statements as st
from kubeproxy.nft.matches import IsKnown, IsUnderWay, ToPorts
from kubeproxy.nft.policies.tables import PolicyTables
from kubeproxy.nft.statements import Field
from kubeproxy.nft.tables import EMPTY, Chain, Entry, Owner, Part
from kubeproxy.proxier import Proxier
from kubeproxy.rules.policies import PolicyPod, denial
from kubeproxy.types import IPV4, Destination, ServicePortName

DNS = "127.96.0.10"
NODES = {"n1": "127.168.0.11", "n2": "127.168.0.12"}
GATEWAY = "127.244.1.1"
WEB_PORTS = ({"name": "web", "containerPort": 8080}, {"name": "dns", "containerPort": 53, "protocol": "UDP"})


class PolicyWorld:
    """``parts`` are those of the table for IPv4, as a kernel would have them after each ``sync``."""

    def __init__(self) -> None:
        ports = (("dns", "UDP", 53), ("dns-tcp", "TCP", 53))
        coredns = PolicyPod(ObjectKey("kube-system", "coredns"), (DNS,), {"k8s-app": "kube-dns"}, ports)
        self.proxier = Proxier(ProxyConfig(policy_servers=(coredns,)))
        self.tables = PolicyTables([DNS])
        self.parts: dict[Owner, Part] = {}
        self.touched: list[Owner] = []
        for number, (name, address) in enumerate(NODES.items(), 1):
            node = build_node(name, address, podCIDR=f"127.244.{number}.0/24")
            self.proxier.nodes.update(ObjectKey("", name), node)
        for name in ("shop", "bank", "kube-system"):
            self.add_namespace(name)

    def add_namespace(self, name: str, **labels: str) -> None:
        """Have a namespace with its own label and further ones."""
        labelled = {"kubernetes.io/metadata.name": name, **labels}
        namespace = build("Namespace", name, metadata={"labels": labelled})
        self.proxier.policies.update_namespace(ObjectKey("", name), namespace)

    def add_pod(self, name: str, ip: str, labels: Mapping[str, str], **spec: Any) -> None:
        """Have a pod ``NAMESPACE/NAME``."""
        namespace, _, own = name.partition("/")
        container = {"name": "c", "image": "agnhost", "ports": list(WEB_PORTS)}
        pod = build_pod(own, container, namespace=namespace, metadata={"labels": dict(labels)}, **spec)
        pod["status"] = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]}
        self.proxier.policies.update_pod(ObjectKey(namespace, own), pod)

    def remove_pod(self, name: str) -> None:
        """Have a pod no longer."""
        namespace, _, own = name.partition("/")
        self.proxier.policies.update_pod(ObjectKey(namespace, own), None)

    def set_policy(self, name: str, spec: JSON | None) -> None:
        """Have a policy ``NAMESPACE/NAME``, or with None have it no longer."""
        namespace, _, own = name.partition("/")
        policy = None if spec is None else build("NetworkPolicy", own, namespace, spec={"podSelector": {}, **spec})
        self.proxier.policies.update(ObjectKey(namespace, own), policy)

    def serve(self, name: str, address: str, *ips: str) -> None:
        """Have a Service at port 80 of an address, whose endpoints are pods at port 8080."""
        key = ObjectKey("default", name)
        self.proxier.services.update(key, service(name, address, 80))
        listed = slice_of(name, [build_endpoint(each, nodeName="n1") for each in ips], port=8080)
        self.proxier.endpoints.update(ObjectKey("default", f"{name}-abcde"), listed)

    def sync(self) -> None:
        """Have rules and table follow what has changed."""
        sync = self.proxier.sync()
        wanted = self.tables.change(sync)[IPV4]
        self.touched = [owner for owner, part in wanted.items() if part != self.parts.get(owner, EMPTY)]
        for owner, part in wanted.items():
            self.parts.pop(owner, None)
            if part is not EMPTY:
                self.parts[owner] = part
        self._check()

    def allows(self, source: str, destination: str, port: int = 8080, protocol: str = "TCP") -> bool:
        """Tell what the rules decide of a new connection between pods, and that the table forwards it accordingly."""
        judged = self.proxier.rules.judge(source, Destination(destination, port, protocol))
        is_allowed = denial(judged) is None
        assert self._passes("forward", source, destination, port, protocol) == is_allowed
        return is_allowed

    def lets_to_service(self, source: str, address: str, port: int = 80) -> bool:
        """Tell what the rules decide of a new connection to a Service, and that the table agrees."""
        is_allowed = self.proxier.rules.decide(source, Destination(address, port, "TCP")).route is not None
        assert self._passes("input", source, address, port, "TCP") == is_allowed
        return is_allowed

    def lets_to_server(self, source: str, address: str, port: int, protocol: str) -> bool:
        """Tell whether the table lets a packet to one of the cluster's own servers, as the rules decide too."""
        is_allowed = denial(self.proxier.rules.judge(source, Destination(address, port, protocol))) is None
        assert self._passes("input", source, address, port, protocol) == is_allowed
        return is_allowed

    def closing_ports(self) -> set[ServicePortName]:
        """Return the Service ports at which something is dropped."""
        return {each for each in self.parts if isinstance(each, ServicePortName)}

    def _passes(self, hook: str, source: str, destination: str, port: int, protocol: str) -> bool:
        fields: dict[Field, str | int] = {Field.SOURCE: source, Field.DESTINATION: destination}
        fields |= {Field.PROTOCOL: protocol, Field.PORT: port}
        return _Walk(self.parts, fields).end_of(hook) is not st.End.DROP

    def _check(self) -> None:
        """Check that parts name nothing that is not there, and that no key has two verdicts."""
        chains = {name for part in self.parts.values() for name in part.chains}
        sets = {each.name for part in self.parts.values() for each in part.sets}
        known: dict[tuple[str, tuple[str | int, ...]], Entry] = {}
        for part in self.parts.values():
            for entry in part.entries:
                assert entry.set_name in sets
                assert known.setdefault((entry.set_name, entry.key), entry) == entry
                assert not isinstance(entry.verdict, st.Jump) or entry.verdict.chain in chains
            for each in (statement for chain in part.chains.values() for rule in chain.rules for statement in rule):
                assert not isinstance(each, st.InSet) or each.set_name in sets
                assert not isinstance(each, st.Goto | st.Jump) or each.chain in chains


class _Walk:
    """One packet's way: a chain ends by a verdict, by RETURN or at its end."""

    def __init__(self, parts: Mapping[Owner, Part], fields: Mapping[Field, str | int]) -> None:
        self._chains: dict[str, Chain] = {name: each for part in parts.values() for name, each in part.chains.items()}
        self._entries = {(each.set_name, each.key): each for part in parts.values() for each in part.entries}
        self._fields = fields

    def end_of(self, chain: str) -> st.End | None:
        """Return DROP or ACCEPT, None if the packet comes back from the chain."""
        for rule in self._chains[chain].rules if self._chains else ():
            for each in rule:
                if isinstance(each, st.End | st.Goto | st.Jump | st.ByKey):
                    verdict = self._verdict(each)
                    if verdict in (st.End.DROP, st.End.ACCEPT):
                        return verdict
                    if verdict is st.End.RETURN or isinstance(each, st.Goto):
                        return None
                elif not self._matches(each):
                    break
        return None

    def _verdict(self, each: st.Statement) -> st.End | None:
        match each:
            case st.End():
                return each
            case st.Goto(chain) | st.Jump(chain):
                return self.end_of(chain)
            case st.ByKey(key, name):
                found = self._entries.get((name, self._key(key)))
                return self._verdict(found.verdict) if found is not None and found.verdict is not None else None
        raise AssertionError(each)

    def _matches(self, each: st.Statement) -> bool:
        match each:
            case IsKnown() | IsUnderWay() | st.IsFromHere():
                return False
            case st.InSet(key, name):
                return (name, self._key(key)) in self._entries
            case st.FromOneOf(cidrs, not_, field):
                address = ip_address(self._fields[field])
                return any(address in ip_network(cidr) for cidr in cidrs) != not_
            case st.IsProtocol(protocol):
                return self._fields[Field.PROTOCOL] == protocol
            case ToPorts(first, last):
                return first <= int(self._fields[Field.PORT]) <= last
        raise AssertionError(each)

    def _key(self, key: tuple[Field, ...]) -> tuple[str | int, ...]:
        return tuple(self._fields[each] for each in key)

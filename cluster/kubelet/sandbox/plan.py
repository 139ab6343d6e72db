"""How the cluster's network and a pod's are set up: the requests of rtnetlink, and the kernel's settings. Pure.

Routed veths, no bridge: every packet between pods is forwarded by the cluster's namespace, so rules see it. Addresses
in 127.0.0.0/8 need two tricks: a pod's route is in the table "local", where its longer prefix wins over 127.0.0.0/8;
and a pod has only 127.0.0.1 itself on lo, all else of 127.0.0.0/8 is behind its gateway.
"""

from __future__ import annotations

from kubehost.addresses import LOCALHOST
from kubehost.io.rtnetlink import (
    LOCAL,
    LOOPBACK_INDEX,
    SCOPE_HOST,
    SCOPE_LINK,
    TABLE_LOCAL,
    TABLE_MAIN,
    UNREACHABLE,
    Route,
    VethEnd,
    deleted_address,
    link_up,
    new_address,
    new_neighbour,
    new_veth,
    packed,
)
from kubehost.netlink import Message
from kubelet.spec.sandbox import ClusterNetwork, SandboxSpec

ETH0_INDEX = 2
"""The index of a pod's eth0, beside lo."""
CLUSTER_MAC = bytes.fromhex("eeeeeeeeeeee")
"""The MAC address of the cluster's end of every veth, as Calico's; each is alone on its link with a pod."""

Sysctls = tuple[tuple[str, str], ...]

_ANY_PORT = ("net.ipv4.ip_unprivileged_port_start", "0")
"""Any user may bind every port, as containerd and CRI-O let them."""
_NO_LINK_LOCAL = ("net.ipv6.conf.default.addr_gen_mode", "1")
"""Veths get no address of their own for IPv6, which their ends would check and announce: neighbours are known."""

_PORTS_AGAIN = ("net.ipv4.tcp_tw_reuse", "1")
"""All clients of the host have one address here, with 28,000 ports: without this, a port rests for a minute when the
client has closed first. The kernel's default has it so for addresses of 127.0.0.0/8 alone."""
_NO_REDIRECTS = tuple((f"net.ipv4.conf.{each}.send_redirects", "0") for each in ("all", "default"))
"""A pod that reaches itself by a Service would be told of a better way, and its refusals wait for a second then."""
_REFUSALS_AT_ONCE = (("net.ipv4.icmp_ratelimit", "0"), ("net.ipv6.icmp.ratelimit", "0"))
"""The kernel would send six to a client and then one a second, and TCP would wait that long to be refused."""
_ACCOUNTING = (("net.netfilter.nf_conntrack_acct", "1"), ("net.netfilter.nf_conntrack_timestamp", "1"))
"""The kernel keeps what `connections` shows of those that nftables translates: their bytes, and when they began."""

_TIMEOUTS = tuple(
    (f"net.netfilter.nf_conntrack_tcp_timeout_{state}", str(seconds))
    for state, seconds in (("established", 86_400), ("close_wait", 3_600))
)
"""How long translated connections are remembered: as kube-proxy sets a node (pkg/proxy/apis/config/v1alpha1)."""


def cluster_messages(network: ClusterNetwork) -> list[Message]:
    """Return the requests that make the cluster's namespace the node of all pods.

    Addresses of the loopback network get the global scope: the kernel would not choose them as a source otherwise.
    """
    own = {":" in each: each for node in reversed(network.nodes) for each in node.addresses}
    messages = []
    if network.is_loopback_plan:
        # The first address of 127.0.0.0/8 is where what a node sends to Services comes from. It has to be there before
        # lo is up, as the kernel gives that 127.0.0.1/8 otherwise. Routes would do too, but each packet pays for them.
        first = own[False]
        messages += [new_address(LOOPBACK_INDEX, f"{first}/8"), new_address(LOOPBACK_INDEX, "127.0.0.1", SCOPE_HOST)]
    messages.append(link_up(LOOPBACK_INDEX))
    for node in network.nodes:
        messages += [new_address(LOOPBACK_INDEX, each) for each in (*node.gateways, *node.addresses)]
    for cidr in (*network.service_cidrs, *network.load_balancer_cidrs):
        if not is_in_loopback(network, cidr):
            # Without a source the kernel would take the very address that is asked.
            source = own.get(":" in cidr, "")
            route = Route(cidr, LOOPBACK_INDEX, source=source, table=TABLE_LOCAL, type=LOCAL, scope=SCOPE_HOST)
            messages.append(route.added())
    # An address without a pod: "no route to host", as where nobody answers to ARP.
    for cidr in network.pod_cidrs:
        table = TABLE_LOCAL if is_in_loopback(network, cidr) else TABLE_MAIN
        messages.append(Route(cidr, 0, table=table, type=UNREACHABLE).added())
    return messages


def cluster_sysctls(network: ClusterNetwork) -> Sysctls:
    """Return the settings of the cluster's namespace."""
    settings = [("net.ipv4.ip_forward", "1"), _ANY_PORT, _NO_LINK_LOCAL, _PORTS_AGAIN]
    settings += [*_NO_REDIRECTS, *_REFUSALS_AT_ONCE, *_ACCOUNTING, *_TIMEOUTS]
    if network.is_loopback_plan:
        settings += [(f"net.ipv4.conf.{each}.route_localnet", "1") for each in ("all", "default")]
    if any(":" in each for each in network.pod_cidrs):
        settings.append(("net.ipv6.conf.all.forwarding", "1"))
    return tuple(settings)


def pod_messages(network: ClusterNetwork, sandbox: SandboxSpec, link: int, cluster: int) -> list[Message]:
    """Return the requests in a pod's namespace; the veth's other end is ``link`` in the namespace of ``cluster``."""
    ours = VethEnd("eth0", ETH0_INDEX, mac_of(sandbox))
    messages = [new_veth(ours, VethEnd(f"veth{link}", link, CLUSTER_MAC), cluster)]
    messages.append(link_up(LOOPBACK_INDEX))
    if network.is_loopback_plan:
        # The kernel has given it 127.0.0.1/8, which makes all of 127.0.0.0/8 its own.
        messages.append(deleted_address(LOOPBACK_INDEX, LOCALHOST, 8))
        messages.append(new_address(LOOPBACK_INDEX, LOCALHOST, SCOPE_HOST))
    messages += [new_address(ETH0_INDEX, each) for each in sandbox.addresses]
    messages.append(link_up(ETH0_INDEX))
    for address, gateway in zip(sandbox.addresses, sandbox.gateways, strict=True):
        messages.append(new_neighbour(ETH0_INDEX, gateway, CLUSTER_MAC))
        messages.append(Route(gateway, ETH0_INDEX, source=address, scope=SCOPE_LINK).added())
        everything = "::/0" if ":" in address else "0.0.0.0/0"
        behind = ("127.0.0.0/8", everything) if is_in_loopback(network, address) else (everything,)
        messages += [Route(each, ETH0_INDEX, gateway, source=address).added() for each in behind]
    return messages


def pod_sysctls(network: ClusterNetwork) -> Sysctls:
    """Return the settings of a pod's namespace."""
    return (
        _ANY_PORT,
        _NO_LINK_LOCAL,
        *((("net.ipv4.conf.all.route_localnet", "1"),) if network.is_loopback_plan else ()),
    )


def link_messages(network: ClusterNetwork, sandbox: SandboxSpec, link: int) -> list[Message]:
    """Return the requests in the cluster's namespace that connect a pod."""
    messages = [link_up(link)]
    for route, address in zip(pod_routes(network, sandbox, link), sandbox.addresses, strict=True):
        messages += [new_neighbour(link, address, mac_of(sandbox)), route.added()]
    return messages


def pod_routes(network: ClusterNetwork, sandbox: SandboxSpec, link: int) -> list[Route]:
    """Return the routes to a pod, one for each of its addresses."""
    return [
        Route(
            address,
            link,
            source=gateway,
            table=TABLE_LOCAL if is_in_loopback(network, address) else TABLE_MAIN,
            scope=SCOPE_LINK,
        )
        for address, gateway in zip(sandbox.addresses, sandbox.gateways, strict=True)
    ]


def mac_of(sandbox: SandboxSpec) -> bytes:
    """Return the MAC address of a pod's eth0: 0a:58 and its IPv4 address, as the CNI plug-ins make it."""
    return b"\x0a\x58" + packed(sandbox.addresses[0])[-4:]


def is_in_loopback(network: ClusterNetwork, address: str) -> bool:
    """Tell whether an address or CIDR is in 127.0.0.0/8, which is local without a route."""
    return network.is_loopback_plan and ":" not in address

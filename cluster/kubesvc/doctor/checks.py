"""Judges the readings of a machine. Pure: one function for each check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from kubedns.config import read_resolv_conf
from kubesvc.config import ClusterConfiguration
from kubesvc.doctor.finding import Check
from kubesvc.doctor.machine import BoundSocket, Machine
from kubesvc.doctor.tools import check_tools
from kubesvc.network.loopback import LOW_PORTS_END, PORT_SHIFT

OPEN_FILES = 16384
"""Enough for 5,000 idle connections, two each, and for listeners and logs."""

_EVERYBODY = frozenset(("0.0.0.0", "::"))  # noqa: S104 - compared with, not bound


def report_document(checks: Sequence[Check]) -> dict[str, Any]:
    """Return what `kubesvc doctor -o json` prints: the worst status, and every finding."""
    found = {each.status for each in checks}
    worst = "fail" if "fail" in found else "warn" if "warn" in found else "ok"
    return {"status": worst, "checks": [each._asdict() for each in checks]}


class WantedSocket(NamedTuple):
    """A socket that a cluster will bind, and its purpose; ``key`` is the configuration's field that moves it."""

    purpose: str
    protocol: str
    address: str
    port: int
    key: str = ""


def check_machine(
    machine: Machine, configuration: ClusterConfiguration, wanted: Sequence[WantedSocket], running: int | None = None
) -> list[Check]:
    """Return every finding; ``running`` is the pid of the cluster itself if it runs: its sockets are not a fault."""
    return [
        check_loopback(machine, configuration),
        *check_ipv6(machine, configuration),
        check_low_ports(machine),
        check_ephemeral_ports(machine, configuration),
        *check_wanted(machine, wanted, running),
        check_open_files(machine),
        check_resolver(machine, configuration),
        *check_state(machine),
        *check_tools(machine.tools),
    ]


def check_loopback(machine: Machine, configuration: ClusterConfiguration) -> Check:
    """Whether the addresses of 127.0.0.0/8 can be bound."""
    address = configuration.plan.stand_in(configuration.nodes[0].address)
    if machine.loopback_error:
        message = f"{address} cannot be bound: {machine.loopback_error.strip()}"
        return Check("network", "loopback", "fail", message, "sudo ip address add 127.0.0.1/8 dev lo")
    return Check("network", "loopback", "ok", "all of 127.0.0.0/8 can be bound")


def check_ipv6(machine: Machine, configuration: ClusterConfiguration) -> Iterator[Check]:
    """Whether a dual-stack cluster's IPv6 addresses can be bound; it runs without the others."""
    if not configuration.networking.service_subnet_v6:
        return
    for missing in machine.missing_ipv6:
        message = f"{missing.purpose} do not answer: {missing.route} is not local to this machine"
        yield Check("network", f"IPv6 {missing.route}", "warn", message, f"{missing.remedy}   (until reboot)")
    if not machine.missing_ipv6:
        yield Check("network", "IPv6", "ok", "the IPv6 addresses of Services and nodes can be bound")


def check_low_ports(machine: Machine) -> Check:
    """Whether ports keep their numbers."""
    name, low_ports = "low ports", machine.low_ports
    if low_ports.can_bind(1):
        return Check("network", name, "ok", "ports below 1024 may be bound")
    if low_ports.can_bind(53):
        first = low_ports.unprivileged_start
        return Check("network", name, "ok", f"ports from {first} on may be bound: 53, 80 and 443 keep their numbers")
    last = min(low_ports.unprivileged_start, LOW_PORTS_END) - 1
    moved = ", ".join(f"{port} is {port + PORT_SHIFT}" for port in (53, 80, 443) if not low_ports.can_bind(port))
    message = f"ports up to {last} may not be bound, so they move by {PORT_SHIFT}: {moved}"
    remedy = "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=53"
    return Check("network", name, "warn", message, f"{remedy}   (until reboot; every user may then bind ports from 53)")


def check_ephemeral_ports(machine: Machine, configuration: ClusterConfiguration) -> Check:
    """Whether outgoing connections could take a port that a Service needs."""
    name, wanted = "ephemeral ports", [configuration.networking.node_port_range]
    if not machine.low_ports.can_bind(53):
        wanted.append((PORT_SHIFT + 1, PORT_SHIFT + LOW_PORTS_END - 1))
    low, high = machine.ephemeral_ports
    at_risk = [
        (max(first, low), min(last, high))
        for first, last in wanted
        if first <= high and low <= last and not _is_reserved(machine, (max(first, low), min(last, high)))
    ]
    if not at_risk:
        return Check("network", name, "ok", f"outgoing connections use {low}-{high}, apart from the node ports")
    ranges = ",".join(f"{first}-{last}" for first, last in at_risk)
    message = f"outgoing connections use {low}-{high} and may hold ports that Services want: {ranges}"
    return Check("network", name, "warn", message, f"sudo sysctl -w net.ipv4.ip_local_reserved_ports={ranges}")


def _is_reserved(machine: Machine, ports: tuple[int, int]) -> bool:
    return any(first <= ports[0] and ports[1] <= last for first, last in machine.reserved_ports)


def check_wanted(machine: Machine, wanted: Sequence[WantedSocket], running: int | None) -> Iterator[Check]:
    """Whether the sockets of this configuration are free, and the owners of those that are not."""
    taken = [(socket, owner) for socket in wanted if (owner := _owner(machine.sockets, socket)) is not None]
    foreign = [(socket, owner) for socket, owner in taken if running not in owner.ancestors]
    for socket, owner in foreign:
        where = f"{owner.address}:{owner.port}" if owner.address in _EVERYBODY else "it"
        name, way_out = _name_owner(machine, owner)
        message = f"{socket.address}:{socket.port}/{socket.protocol} ({socket.purpose}) is taken: {name} has {where}"
        move = f"set {socket.key} in the ClusterConfiguration" if socket.key else "choose another port"
        remedy = f"{way_out}, or {move}" if way_out else move
        yield Check("ports", f"{socket.address}:{socket.port}/{socket.protocol}", "fail", message, remedy)
    if not foreign:
        own = " or this cluster's own" if taken else ""
        yield Check("ports", "free", "ok", f"all {len(wanted)} known ports of this configuration are free{own}")


def _name_owner(machine: Machine, owner: BoundSocket) -> tuple[str, str]:
    """Return the name of a socket's owner, and the command that ends it, "" if this user may not."""
    for cluster in machine.clusters:
        if cluster.pid is not None and cluster.pid in owner.ancestors:
            option = "" if cluster.name == "default" else f" --name {cluster.name}"
            return f'cluster "{cluster.name}"', f"kubesvc down{option}, start this one with --subnets auto"
    if owner.pid:
        return f"process {owner.pid} ({owner.command or 'unknown'})", f"kill {owner.pid}"
    return "another user's process", ""


def _owner(sockets: Iterable[BoundSocket], wanted: WantedSocket) -> BoundSocket | None:
    for each in sockets:
        is_there = each.address == wanted.address or each.address in _EVERYBODY
        if is_there and (each.protocol, each.port) == (wanted.protocol, wanted.port):
            return each
    return None


def check_open_files(machine: Machine) -> Check:
    """Whether many connections fit under the limit of open files."""
    soft, hard = machine.open_files
    if soft < 0 or soft >= OPEN_FILES:
        limit = "no limit" if soft < 0 else str(soft)
        return Check("limits", "open files", "ok", f"open files: {limit}")
    message = f"{soft} open files allow about {soft // 2} connections at a time"
    is_ours = hard < 0 or hard >= OPEN_FILES
    remedy = f"ulimit -n {OPEN_FILES if hard < 0 else hard}" if is_ours else "raise nofile in /etc/security/limits.conf"
    return Check("limits", "open files", "warn", message, remedy)


def check_resolver(machine: Machine, configuration: ClusterConfiguration) -> Check:
    """Whether names outside the cluster can be resolved."""
    name, domain = "resolver", configuration.networking.dns_domain
    if configuration.dns.upstreams is not None:
        servers = configuration.dns.upstreams
        message = f"names outside {domain} go to {', '.join(servers)}" if servers else "no upstream, as configured"
        return Check("names", name, "ok", message)
    own = (*configuration.dns.bind_addresses, configuration.networking.dns_address)
    servers = tuple(address for address, _ in read_resolv_conf(machine.resolv_conf) if address not in own)
    if servers:
        return Check("names", name, "ok", f"names outside {domain} go to {', '.join(servers)}, from /etc/resolv.conf")
    message = f"/etc/resolv.conf names no other server: names outside {domain} are refused"
    return Check("names", name, "warn", message, "set dns.upstreams in the ClusterConfiguration")


def check_cluster(problems: Sequence[str]) -> Iterator[Check]:
    """Whether the running cluster reports problems."""
    for number, problem in enumerate(problems, 1):
        yield Check("cluster", f"problem {number}", "warn", problem, "kubesvc status   (lists it under Problems)")
    if not problems:
        yield Check("cluster", "problems", "ok", "the running cluster reports no problem")


def check_state(machine: Machine) -> Iterator[Check]:
    """Whether a crashed run has left files. They never block a start."""
    stale = [each.name for each in machine.clusters if each.pid is None and each.has_leftovers]
    for name in stale:
        message = f'cluster "{name}" crashed and left files; the next `kubesvc up --name {name}` removes them'
        yield Check("state", name, "warn", message, f"kubesvc down --name {name}")
    if not stale:
        running = [f"{each.name} (pid {each.pid})" for each in machine.clusters if each.pid is not None]
        message = f"running: {', '.join(running)}" if running else "no cluster runs, and no crash has left files"
        yield Check("state", "clusters", "ok", message)

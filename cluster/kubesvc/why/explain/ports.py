"""Whether the pods of a Service have its target ports. Pure; looks ports up as the EndpointSlice controller does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.pod import read_pod
from kubeapi.objects.service import Service, ServicePort
from kubecontroller.service.podendpoints import find_port
from kubesvc.why.explain.findings import Finding, grouped, hint, problem
from kubesvc.wording import counted, listed


class ContainerPort(NamedTuple):
    """A port that a container declares; ``name`` is "" when it has none."""

    name: str
    number: int
    protocol: str

    def __str__(self) -> str:
        number = f"{self.number}/{self.protocol}"
        return f'"{self.name}" ({number})' if self.name else number


def explain_ports(service: Service, pods: Sequence[JSON]) -> Iterator[Finding]:
    """Yield which ports the pods that the Service selects do not have."""
    for port in service.ports:
        if isinstance(port.target_port, str):
            yield from _named(port, pods)
        else:
            yield from _numbered(port, pods)


def explain_slice_ports(service: Service, endpoints: Sequence[JSON]) -> Iterator[Finding]:
    """Yield which ports of a Service its EndpointSlices do not have; those are found by name, as by kube-proxy."""
    there = {ContainerPort(each["name"], each["port"], each["protocol"]) for one in endpoints for each in one["ports"]}
    served = {(each.name, each.protocol) for each in there if each.number}
    for port in service.ports if endpoints and not service.is_headless else ():
        if (port.name, port.protocol) not in served:
            name = f'"{port.name}"' if port.name else "without a name"
            known = listed(sorted(str(each) for each in there if each.number)) or "none"
            yield problem(
                f"Port {_title(port)} leads nowhere: its EndpointSlices give no number for the {port.protocol} port "
                f"{name}; they have {known}."
            )


def declared_ports(pod: JSON) -> tuple[ContainerPort, ...]:
    """Return the ports of a pod's containers, sidecars included, in their order."""
    reading = read_pod(pod)
    return tuple(
        ContainerPort(port.get("name") or "", port["containerPort"], port.get("protocol") or "TCP")
        for container in (*reading.containers, *reading.sidecars)
        for port in container.get("ports") or ()
    )


def _named(port: ServicePort, pods: Sequence[JSON]) -> Iterator[Finding]:
    asked = {"port": port.port, "targetPort": port.target_port, "protocol": port.protocol}
    without = [each for each in pods if find_port(each, asked) is None]
    for declared, group in grouped(without, lambda pod: _declared(pod, port)):
        yield problem(
            f'Port {_title(port)} leads to the container port "{port.target_port}" ({port.protocol}), which '
            f"{counted(len(group), 'pod does', 'pods do')} not have ({listed(_names(group))}): {declared}."
        )


def _declared(pod: JSON, port: ServicePort) -> str:
    ports = declared_ports(pod)
    other = next((each for each in ports if each.name == port.target_port), None)
    if other is not None:
        return f'"{other.name}" is a {other.protocol} port there'
    return f"there is {listed(map(str, ports))}" if ports else "the containers declare no ports"


def _numbered(port: ServicePort, pods: Sequence[JSON]) -> Iterator[Finding]:
    """Yield hints only: a container may listen on a port that it does not declare."""
    wanted = (port.target_port, port.protocol)
    missing = [
        each
        for each in pods
        if (found := declared_ports(each)) and wanted not in {(one.number, one.protocol) for one in found}
    ]
    for declared, group in grouped(missing, lambda pod: listed(map(str, declared_ports(pod)))):
        yield hint(
            f"Port {_title(port)} leads to port {port.target_port}/{port.protocol}, which no container of "
            f"{counted(len(group), 'pod')} declares ({listed(_names(group))} {'have' if len(group) > 1 else 'has'} "
            f"{declared}); where nothing listens, connections are refused."
        )


def _title(port: ServicePort) -> str:
    number = f"{port.port}/{port.protocol}"
    return f'"{port.name}" ({number})' if port.name else number


def _names(pods: Sequence[JSON]) -> list[str]:
    return [each["metadata"]["name"] for each in pods]

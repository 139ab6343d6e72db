"""Programs in pods that share an address of this machine where in a cluster each pod has its own. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from kubeapi.meta import JSON, is_terminating, key_of
from kubeapi.scheme import PODS
from kubeapi.store import Store
from kubecontroller.podstate import is_ready
from kubesvc.explain.findings import Finding, hint, problem
from kubesvc.explain.pods import events_of
from kubesvc.network.loopback import LOW_PORTS_END, PORT_SHIFT
from kubesvc.podsockets import Wildcard

TAKEN = "AddressInUse"
"""The kubelet's reason for an event about a container that has ended because somebody has its address."""


def explain_sharing(
    store: Store, pods: Sequence[JSON], endpoints: Sequence[JSON], wildcards: Collection[Wildcard]
) -> Iterator[Finding]:
    """Yield who takes the traffic of a Service's ``pods`` by listening on all addresses, and which pods cannot start.

    A pod that listens so does no harm as long as no other pod wants the port.
    """
    ports = {place for each in endpoints for port in each["ports"] for place in _places(port)}
    at_ports = [each for each in wildcards if (each.protocol, each.port) in ports]
    keys = {key_of(each) for each in pods}
    is_contested = len(keys | {each.pod for each in at_ports}) > 1
    for each in at_ports:
        yield problem(_sentence(each)) if is_contested else hint(_sentence(each))
    for pod in pods:
        events = events_of(store, pod, TAKEN)
        if events and not is_ready(pod):
            yield problem(f"Pod {key_of(pod).name}: {events[-1]['message']}")


def taken_addresses(store: Store) -> list[str]:
    """Return one sentence per pod that is not ready and cannot start, as somebody has its address."""
    pods = [each for each in store.list(PODS) if not is_ready(each) and not is_terminating(each)]
    taken = {key_of(pod): events[-1]["message"] for pod in pods if (events := events_of(store, pod, TAKEN))}
    return [f"Pod {key}: {message}" for key, message in sorted(taken.items())]


def _places(port: JSON) -> Iterator[tuple[str, int]]:
    number = port["port"] or 0
    yield port["protocol"], number
    if number < LOW_PORTS_END:
        yield port["protocol"], number + PORT_SHIFT


def _sentence(wildcard: Wildcard) -> str:
    text = str(wildcard)
    return text[0].upper() + text[1:]

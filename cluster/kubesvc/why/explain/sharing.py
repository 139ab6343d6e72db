"""Programs in pods that listen on all addresses of this machine, not only on those of their pod. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from kubeapi.meta import JSON, key_of
from kubeapi.objects.pod import read_pod
from kubeapi.store import Store
from kubesvc.network.loopback import LOW_PORTS_END, PORT_SHIFT
from kubesvc.why.explain.findings import Finding, hint, problem
from kubesvc.why.explain.pods import events_of
from kubesvc.why.podsockets import TAKEN, Wildcard


def explain_sharing(
    store: Store, pods: Sequence[JSON], endpoints: Sequence[JSON], wildcards: Collection[Wildcard]
) -> Iterator[Finding]:
    """Yield the programs that take traffic of ``pods`` by listening on all addresses, and the pods that cannot start.

    Such a program does no harm while no other pod wants the port.
    """
    ports = {place for each in endpoints for port in each["ports"] for place in _places(port)}
    at_ports = [each for each in wildcards if (each.protocol, each.port) in ports]
    keys = {key_of(each) for each in pods}
    is_contested = len(keys | {each.pod for each in at_ports}) > 1
    for each in at_ports:
        yield problem(_sentence(each)) if is_contested else hint(_sentence(each))
    for pod in pods:
        events = events_of(store, pod, TAKEN)
        if events and not read_pod(pod).is_ready:
            yield problem(f"Pod {key_of(pod).name}: {events[-1]['message']}")


def _places(port: JSON) -> Iterator[tuple[str, int]]:
    number = port["port"] or 0
    yield port["protocol"], number
    if number < LOW_PORTS_END:
        yield port["protocol"], number + PORT_SHIFT


def _sentence(wildcard: Wildcard) -> str:
    text = str(wildcard)
    return text[0].upper() + text[1:]

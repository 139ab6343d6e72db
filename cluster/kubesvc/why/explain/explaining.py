"""The explanation of one Service, as `kubesvc explain -o json` prints it. Pure: objects and rules in, JSON out.

It repeats what the components say and asks their own questions; it decides nothing again.

    namespace, name, type   the Service
    summary                 one sentence
    healthy                 whether nothing was found because of which traffic is refused or lost
    findings                weight (problem, hint or note) and text, the heaviest first
    endpoints               as in the status document
    paths                   every address: address, servicePort, port, protocol, portName, kind, bound, error
        ways                who meets what there: clients (outside, or a node), verdict, reason, endpoints
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from kubeapi.meta import JSON, ObjectKey, key_of, labels_of, matches_labels
from kubeapi.objects.pod import read_pod
from kubeapi.objects.service import Service, read_service
from kubeapi.scheme import PODS, SERVICES
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubeproxy.plane import ListenerStatus
from kubeproxy.rules import Rules
from kubesvc.why.explain.addresses import explain_addresses, explain_kind
from kubesvc.why.explain.doubts import Doubts
from kubesvc.why.explain.findings import Finding, Weight, grouped, note, problem
from kubesvc.why.explain.paths import path_document, paths_of
from kubesvc.why.explain.pods import why_not_ready
from kubesvc.why.explain.ports import explain_ports
from kubesvc.why.explain.selection import explain_hand_made, explain_selection
from kubesvc.why.explain.sharing import explain_sharing
from kubesvc.why.podsockets import Wildcard
from kubesvc.why.status import endpoints_of, slices_by_service
from kubesvc.wording import counted, listed

_ORDER = tuple(Weight)


def explain_service(
    store: Store,
    rules: Rules,
    listeners: Sequence[ListenerStatus],
    obj: JSON,
    *,
    doubts: Doubts | None = None,
    unresolved: str = "",
    wildcards: Collection[Wildcard] = (),
) -> dict[str, Any]:
    """Return the explanation of a Service object of ``store``.

    ``doubts`` are what the proxy knows against endpoints, ``unresolved`` is why an ExternalName has no address,
    ``wildcards`` are the ports that pods' programs have of all addresses.
    """
    service = read_service(obj)
    slices = slices_by_service(store, (service.key,)).get(service.key, ())
    endpoints = sorted(
        (endpoint for each in slices for endpoint in endpoints_of(each)),
        key=lambda each: (each["pod"], each["address"]),
    )
    paths = paths_of(rules, service.key, listeners)
    findings = [*explain_kind(service), *([problem(unresolved)] if unresolved else [])]
    if not service.is_external_name:
        findings += [*_backends(store, service, endpoints), *explain_addresses(store, obj, service, paths)]
        findings += _doubtful(rules, service.key, doubts or {})
        findings += explain_sharing(store, _selected(store, service), endpoints, wildcards)
    findings.sort(key=lambda each: _ORDER.index(each.weight))
    return {
        "namespace": service.key.namespace,
        "name": service.key.name,
        "type": service.type,
        "summary": _summary(service, endpoints),
        "healthy": not any(each.weight is Weight.PROBLEM for each in findings),
        "findings": [{"weight": each.weight.value, "text": each.text} for each in findings],
        "endpoints": endpoints,
        "paths": [path_document(each) for each in paths],
    }


def find_service(store: Store, namespace: str, name: str) -> JSON:
    """Return the Service; StatusError 404, with what there is instead, when there is none."""
    found = store.find(SERVICES, ObjectKey(namespace, name))
    if found is not None:
        return found
    elsewhere = sorted(each.namespace for each in map(key_of, store.list(SERVICES)) if each.name == name)
    names = sorted(key_of(each).name for each in store.list(SERVICES, namespace))
    close = get_close_matches(name, names, n=3)
    if elsewhere:
        advice = f"; it is in namespace {listed(elsewhere)}, use -n"
    elif close:
        advice = f"; did you mean {' or '.join(close)}?"
    else:
        advice = f"; there is {listed(names, 8)}" if names else "; there are no Services in it"
    raise StatusError(404, "NotFound", f'services "{name}" not found in namespace {namespace}{advice}')


def _backends(store: Store, service: Service, endpoints: Sequence[JSON]) -> Iterator[Finding]:
    """Yield why pods are missing among the endpoints, or take no traffic."""
    if not service.selector:
        yield from explain_hand_made(store, service, has_endpoints=bool(endpoints))
        for address in [each["address"] for each in endpoints if not each["ready"]]:
            yield problem(f"The endpoint {address} is said to be not ready.")
        return
    pods = _selected(store, service)
    if not pods:
        yield from explain_selection(store, service)
        return
    for reason, group in grouped(pods, lambda pod: why_not_ready(store, pod)):
        text = f"{_named(group)} {reason}."
        yield note(text) if all(map(_is_leaving, group)) else problem(text)
    are_last = not any(each["ready"] for each in endpoints)
    if are_last and any(each["serving"] and each["terminating"] for each in endpoints):
        yield note("No endpoint is ready; those that terminate, but still serve, take the traffic meanwhile.")
    yield from explain_ports(service, [each for each in pods if not read_pod(each).is_finished])


def _selected(store: Store, service: Service) -> list[JSON]:
    """Return the pods that a Service selects, none for one without a selector."""
    if not service.selector:
        return []
    return [
        each for each in store.list(PODS, service.key.namespace) if matches_labels(service.selector, labels_of(each))
    ]


def _doubtful(rules: Rules, service: ObjectKey, doubts: Doubts) -> Iterator[Finding]:
    """Yield what the proxy knows against the endpoints that clients may get."""
    for name in rules.by_service.get(service, ()):
        for address in rules.ports[name].reachable():
            if address in doubts:
                yield problem(f"The endpoint {address} {doubts[address]}.")


def _is_leaving(pod: JSON) -> bool:
    """Tell whether the pod is absent because it is being deleted, or has succeeded: that is no fault."""
    return read_pod(pod).is_terminating or read_pod(pod).phase == "Succeeded"


def _named(pods: Sequence[JSON]) -> str:
    names = [each["metadata"]["name"] for each in pods]
    return f"Pod {names[0]}" if len(names) == 1 else f"Each of {counted(len(names), 'pod')} ({listed(names)})"


def _summary(service: Service, endpoints: Sequence[JSON]) -> str:
    kind = "headless" if service.is_headless else service.type
    subject = f"Service {service.key} ({kind})"
    if service.is_external_name:
        return f"{subject} is a name for {service.external_name}."
    ready = sum(each["ready"] for each in endpoints)
    if not endpoints:
        return f"{subject} has no endpoints."
    if service.ports and not any(each["ports"] for each in endpoints):
        return f"{subject} has {counted(len(endpoints), 'endpoint')}, none of them with its ports."
    if not ready:
        return f"{subject} has {counted(len(endpoints), 'endpoint')}, none of them ready."
    return f"{subject} has {counted(len(endpoints), 'endpoint')}, {'all' if ready == len(endpoints) else ready} ready."

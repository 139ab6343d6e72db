"""Why the selector of a Service matches no pod, and which pods nearly match. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from kubeapi.meta import JSON, ObjectKey, key_of, labels_of, matches_labels
from kubeapi.objects.parts import list_at
from kubeapi.objects.service import Service
from kubeapi.objects.workload import read_workload
from kubeapi.scheme import DEPLOYMENTS, ENDPOINTS, PODS, REPLICASETS
from kubeapi.similar import nearest
from kubeapi.store import Store
from kubesvc.why.explain.findings import Finding, hint, note, problem
from kubesvc.wording import counted, listed

Labels = Mapping[str, str]


def explain_selection(store: Store, service: Service) -> Iterator[Finding]:
    """Yield why there is no pod behind a Service that has a selector."""
    wanted = selector_text(service.selector)
    pods = store.list(PODS, service.key.namespace)
    yield problem(
        f"Its selector {wanted} matches no pod in namespace {service.key.namespace}: {_nearest(service, pods)}."
    )
    yield from _scaled_down(store, service)
    elsewhere = [each for each in store.list(PODS) if matches_labels(service.selector, labels_of(each))]
    for namespace, count in sorted(Counter(key_of(each).namespace for each in elsewhere).items()):
        yield hint(
            f"{counted(count, 'pod that matches is', 'pods that match are')} in namespace {namespace}; "
            "a selector looks only in the namespace of its Service."
        )


def explain_hand_made(store: Store, service: Service, *, has_endpoints: bool) -> Iterator[Finding]:
    """Yield what a Service without selector leads to: endpoints that were written by hand."""
    name = service.key.name
    if has_endpoints:
        yield note("It has no selector: its endpoints are those that somebody wrote down for it.")
        return
    yield problem(
        "It has no selector, so no pod is looked for, and there are no endpoints that somebody wrote down: it needs "
        f'Endpoints of the name "{name}", or an EndpointSlice with the label kubernetes.io/service-name={name}.'
    )
    written = store.find(ENDPOINTS, ObjectKey(service.key.namespace, name))
    if written is not None and written.get("subsets"):
        yield hint(f"There are Endpoints {service.key}, but they are not mirrored into an EndpointSlice.")


def _nearest(service: Service, pods: Sequence[JSON]) -> str:
    if not pods:
        return "there are no pods in it"
    selector = service.selector
    scores = [(_matching(selector, labels_of(each)), each) for each in pods]
    best = max(len(matching) for matching, _ in scores)
    if not best:
        return _no_pair(selector, pods)
    near = [(matching, labels_of(each)) for matching, each in scores if len(matching) == best]
    matching, _ = near[0]
    alike = [labels for pairs, labels in near if pairs == matching]
    rest = {name: value for name, value in selector.items() if name not in matching}
    differing = [f"{name}={value}" for name in rest for value in sorted({each[name] for each in alike if name in each})]
    lacking = [name for name in rest if any(name not in each for each in alike)]
    phrase = f"{counted(len(alike), 'pod has', 'pods have')} {selector_text(matching)}"
    if differing:
        phrase += f", but {listed(differing)}"
    if lacking:
        phrase += f", but {'also ' if differing else ''}no label {listed(lacking)}"
    return f"{phrase}; none has {selector_text(rest)}"


def _no_pair(selector: Labels, pods: Sequence[JSON]) -> str:
    values = {name: sorted({labels_of(each)[name] for each in pods if name in labels_of(each)}) for name in selector}
    known = [_values(name, selector[name], found) for name, found in values.items() if found]
    if known:
        return "; ".join(known)
    return f"none of its {counted(len(pods), 'pod')} has a label {listed(selector)}"


def _values(name: str, wanted: str, found: Sequence[str]) -> str:
    """Return the values that a label has, the one that was probably meant first."""
    close = nearest(wanted, found)
    advice = f" (did you mean {name}={close}?)" if close else ""
    return f"{name} is {listed(found)} there{advice}"


def _matching(selector: Labels, labels: Labels) -> dict[str, str]:
    return {name: value for name, value in selector.items() if labels.get(name) == value}


def _scaled_down(store: Store, service: Service) -> Iterator[Finding]:
    """Yield the workloads that would make pods for the Service and make none now."""
    deployments = store.list(DEPLOYMENTS, service.key.namespace)
    owned = {each["metadata"]["uid"] for each in deployments}
    for obj in (*deployments, *store.list(REPLICASETS, service.key.namespace)):
        owners, workload = {each["uid"] for each in list_at(obj, "metadata", "ownerReferences")}, read_workload(obj)
        if owners & owned or not matches_labels(service.selector, workload.template_labels):
            continue
        name = f"{obj['kind']} {workload.name}"
        if workload.replicas:
            yield problem(f"{name} wants {counted(workload.replicas, 'such pod')} and has not made any yet.")
        else:
            yield problem(f"{name} makes such pods, and is scaled to 0 replicas.")


def selector_text(labels: Labels) -> str:
    """Return labels in the form of a selector: "app=web,tier=front"."""
    return ",".join(f"{name}={value}" for name, value in labels.items())

"""Pods as NetworkPolicies look at them: which have changed, which are alike, and which policies isolate one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kubeapi.meta import ObjectKey
from kubeapi.objects.networkpolicy import EGRESS, INGRESS
from kubeproxy.rules.policies import Policies, PolicyPod

Isolation = tuple[tuple[ObjectKey, ...], tuple[ObjectKey, ...]]
"""The policies that isolate a pod's ingress, and those that isolate its egress."""
FREE: Isolation = ((), ())
NamedPort = tuple[str, str]
"""Name and protocol of a port."""


def ports_of(ip: str, pod: PolicyPod, named: NamedPort) -> Iterator[tuple[str, int]]:
    """Yield where a pod has a port of that name."""
    return ((ip, number) for name, protocol, number in pod.ports if (name, protocol) == named)


def alike_pods(pods: Mapping[str, PolicyPod]) -> list[tuple[PolicyPod, list[str]]]:
    """Return pods of one namespace with the same labels once, with all their addresses: selectors find all or none."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], tuple[PolicyPod, list[str]]] = {}
    for ip, pod in pods.items():
        found.setdefault((pod.key.namespace, frozenset(pod.labels.items())), (pod, []))[1].append(ip)
    return list(found.values())


def isolation_of(policies: Policies, pod: PolicyPod | None) -> Isolation:
    """Return which policies isolate a pod, None for an address without one."""
    return FREE if pod is None else (policies.isolating(pod, INGRESS), policies.isolating(pod, EGRESS))


def changed_pods(old: Policies, new: Policies) -> list[str]:
    """Return the addresses whose pod is another one, or has changed."""
    if old.pods is new.pods:
        return []
    changed = [ip for ip, pod in new.pods.items() if old.pods.get(ip) != pod]
    return [*changed, *(ip for ip in old.pods if ip not in new.pods)]

"""What NetworkPolicies mean for a Service: which of its endpoints are isolated. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.meta import ObjectKey
from kubeapi.objects.networkpolicy import INGRESS
from kubeproxy.rules import Rules
from kubesvc.why.explain.findings import Finding, note
from kubesvc.wording import counted, listed


def explain_policies(rules: Rules, service: ObjectKey) -> Iterator[Finding]:
    """Yield which policies isolate the endpoints of a Service, if any do."""
    policies = rules.policies
    if not policies:
        return
    endpoints = {
        each.ip for name in rules.by_service.get(service, ()) for each in rules.ports[name].reachable().values()
    }
    isolating = {
        ip: found
        for ip in sorted(endpoints)
        if (pod := policies.pods.get(ip)) is not None and (found := policies.isolating(pod, INGRESS))
    }
    if isolating:
        names = listed(sorted({each.name for found in isolating.values() for each in found}))
        yield note(
            f"NetworkPolicies ({names}) isolate {len(isolating)} of {counted(len(endpoints), 'pod')} behind it: "
            f"`kubesvc trace SRC svc/{service.name} -n {service.namespace}` says what they let in"
        )

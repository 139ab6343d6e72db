"""What the spec of a Pod, or of a template for Pods, must be (pkg/apis/core/validation ValidatePodSpec)."""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.meta import JSON
from kubeapi.podspec.container import ContainerScope
from kubeapi.podspec.containers import (
    validate_containers,
    validate_ephemeral_containers,
    validate_host_network,
    validate_init_containers,
)
from kubeapi.podspec.environment import validate_env_volumes
from kubeapi.podspec.hostnames import validate_aliases, validate_dns, validate_host_name
from kubeapi.podspec.resources import validate_resources
from kubeapi.validation.faults import (
    Faults,
    duplicate,
    each_invalid,
    forbidden,
    invalid,
    one_of,
    required,
    unsupported,
)
from kubeapi.validation.metadata import validate_labels
from kubeapi.validation.names import dns1123_label, dns1123_subdomain, qualified_name

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
_SYSTEMS = frozenset(("linux", "windows"))


def validate_pod_spec(spec: JSON, path: str, *, is_pod: bool) -> Faults:
    """Yield the faults of a pod's spec, or of a template's, which lacks some defaults of pods."""
    volumes, claims = spec.get("volumes", ()), spec.get("resourceClaims", ())
    mountable: frozenset[str] = frozenset()
    if volumes:
        # Most pods have no volumes, and no start-up waits for the rules of theirs.
        from kubeapi.podspec.volumes.validation import mountable_names, validate_volumes

        mountable = mountable_names(volumes)
        yield from validate_volumes(volumes, f"{path}.volumes")
    yield from _validate_claims(claims, f"{path}.resourceClaims")
    yield from _validate_all_containers(spec, path, mountable)
    yield from validate_host_network(spec, f"{path}.containers", is_pod=is_pod)
    yield from one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), _RESTART_POLICIES)
    yield from one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    yield from validate_labels(spec.get("nodeSelector", {}), f"{path}.nodeSelector")
    yield from _validate_security(spec, path)
    yield from _validate_placement(spec, path)
    yield from _validate_host_users(spec, path)
    yield from validate_host_name(spec, path)
    yield from _validate_rest(spec, path)
    yield from _validate_platform(spec, path)
    yield from validate_env_volumes(spec, path)


def _validate_all_containers(spec: JSON, path: str, mountable: frozenset[str]) -> Faults:
    scope = ContainerScope(
        mountable,
        frozenset(each.get("name", "") for each in spec.get("resourceClaims", ())),
        spec.get("terminationGracePeriodSeconds"),
        spec.get("restartPolicy", ""),
        spec.get("hostUsers") is not False,
    )
    yield from validate_containers(spec.get("containers") or (), f"{path}.containers", scope)
    yield from validate_init_containers(spec, f"{path}.initContainers", scope)
    yield from validate_ephemeral_containers(spec, f"{path}.ephemeralContainers", scope)


def _validate_placement(spec: JSON, path: str) -> Faults:
    """Yield the faults of affinity, gates and spreading, with those of dnsConfig between them, as the real server."""
    if "affinity" in spec:
        from kubeapi.podspec.scheduling import validate_affinity

        yield from validate_affinity(spec["affinity"], f"{path}.affinity")
    yield from validate_dns(spec, f"{path}.dnsConfig")
    for index, gate in enumerate(spec.get("readinessGates", ())):
        condition, where = gate.get("conditionType", ""), f"{path}.readinessGates[{index}].conditionType"
        yield from each_invalid(where, condition, qualified_name(condition))
    yield from _validate_scheduling_gates(spec.get("schedulingGates", ()), f"{path}.schedulingGates")
    if "topologySpreadConstraints" in spec:
        from kubeapi.podspec.scheduling import validate_spreading

        yield from validate_spreading(spec["topologySpreadConstraints"], f"{path}.topologySpreadConstraints")


def _validate_security(spec: JSON, path: str) -> Faults:
    if spec.get("securityContext") or spec.get("shareProcessNamespace"):
        from kubeapi.podspec.securitycontext import validate_pod_security

        yield from validate_pod_security(spec, path)


def _validate_host_users(spec: JSON, path: str) -> Faults:
    """Yield a fault for each namespace of the host that a pod with users of its own shares."""
    if spec.get("hostUsers") is False:
        for field, name in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
            if spec.get(field):
                yield forbidden(f"{path}.{name}", "when `hostUsers` is false")


def _validate_scheduling_gates(gates: Sequence[JSON], path: str) -> Faults:
    seen: set[str] = set()
    for index, name in enumerate(each.get("name", "") for each in gates):
        yield from each_invalid(f"{path}[{index}]", name, qualified_name(name))
        if name in seen:
            yield duplicate(f"{path}[{index}]", name)
        seen.add(name)


def _validate_claims(claims: Sequence[JSON], path: str) -> Faults:
    names: set[str] = set()
    for index, claim in enumerate(claims):
        where = f"{path}[{index}].name"
        name = claim.get("name", "")
        if not name:
            yield required(where)
        elif name in names:
            yield duplicate(where, name)
        else:
            yield from each_invalid(where, name, dns1123_label(name))
        names.add(name)
        for field in ("resourceClaimName", "resourceClaimTemplateName"):
            if field in claim:
                yield from each_invalid(f"{path}[{index}].{field}", claim[field], dns1123_subdomain(claim[field]))


def _validate_rest(spec: JSON, path: str) -> Faults:
    """Yield the faults of names, deadline, tolerations and aliases."""
    for field in ("serviceAccountName", "nodeName"):
        if spec.get(field):
            yield from each_invalid(f"{path}.{field}", spec[field], dns1123_subdomain(spec[field]))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline < 2**31:
        yield invalid(f"{path}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive")
    for field in ("hostname", "subdomain"):
        if spec.get(field):
            yield from each_invalid(f"{path}.{field}", spec[field], dns1123_label(spec[field]))
    if "tolerations" in spec:
        from kubeapi.podspec.scheduling import validate_tolerations

        yield from validate_tolerations(spec["tolerations"], f"{path}.tolerations")
    yield from validate_aliases(spec.get("hostAliases", ()), f"{path}.hostAliases")


def _validate_platform(spec: JSON, path: str) -> Faults:
    """Yield the faults of classes, overhead and operating system, which nothing here acts on."""
    for field in ("priorityClassName", "runtimeClassName"):
        if field in spec:
            yield from each_invalid(f"{path}.{field}", spec[field], dns1123_subdomain(spec[field]))
    if "preemptionPolicy" in spec:
        yield from one_of(f"{path}.preemptionPolicy", spec["preemptionPolicy"], _PREEMPTION_POLICIES)
    yield from validate_resources({"limits": spec.get("overhead", {})}, f"{path}.overhead", frozenset())
    system = spec.get("os", {"name": "linux"}).get("name")
    if not system:
        yield required(f"{path}.os.name", "cannot be empty")
    elif system not in _SYSTEMS:
        yield unsupported(f"{path}.os", system, _SYSTEMS)

"""What the spec of a Pod, or of a template for Pods, must be (pkg/apis/core/validation ValidatePodSpec)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kubeapi.meta import JSON
from kubeapi.podspec.container import PROBES, Surroundings, validate_container, validate_running, validate_spaces
from kubeapi.podspec.resources import validate_resources
from kubeapi.validation.faults import (
    Faults,
    duplicate,
    each_invalid,
    forbidden,
    invalid,
    not_found,
    one_of,
    required,
    unsupported,
)
from kubeapi.validation.metadata import validate_labels
from kubeapi.validation.names import address, dns1123_label, dns1123_subdomain, qualified_name, search_domain

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
_SYSTEMS = frozenset(("linux", "windows"))
_MOST_NAMESERVERS, _MOST_SEARCHES, _LONGEST_SEARCH_LIST = 3, 32, 2048
_NOT_IN_EPHEMERAL = ("ports", "resources", *PROBES, "lifecycle", "resizePolicy", "restartPolicy")
_ONLY_SIDECARS = "may not be set for init containers without restartPolicy=Always"


def validate_pod_spec(spec: JSON, path: str, *, is_pod: bool) -> Faults:
    """Yield the faults of a pod's spec; one that is a template's may leave out what pods get by default."""
    volumes, claims = spec.get("volumes", ()), spec.get("resourceClaims", ())
    mountable: frozenset[str] = frozenset()
    if volumes:
        # Most pods have no volumes, and no start-up waits for the rules of theirs.
        from kubeapi.podspec.volumes import mountable_names, validate_volumes

        mountable = mountable_names(volumes)
        yield from validate_volumes(volumes, f"{path}.volumes")
    surroundings = Surroundings(
        mountable,
        frozenset(each.get("name", "") for each in claims),
        spec.get("terminationGracePeriodSeconds"),
        spec.get("restartPolicy", ""),
        spec.get("hostUsers") is not False,
    )
    yield from _validate_claims(claims, f"{path}.resourceClaims")
    yield from _validate_containers(spec.get("containers") or (), f"{path}.containers", surroundings)
    yield from _validate_init_containers(spec, f"{path}.initContainers", surroundings)
    yield from _validate_ephemeral_containers(spec, f"{path}.ephemeralContainers", surroundings)
    yield from _validate_host_network(spec, f"{path}.containers", is_pod=is_pod)
    yield from one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), _RESTART_POLICIES)
    yield from one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    yield from validate_labels(spec.get("nodeSelector", {}), f"{path}.nodeSelector")
    yield from _validate_security(spec, path)
    if "affinity" in spec:
        from kubeapi.podspec.scheduling import validate_affinity

        yield from validate_affinity(spec["affinity"], f"{path}.affinity")
    yield from _validate_dns(spec, f"{path}.dnsConfig")
    for index, gate in enumerate(spec.get("readinessGates", ())):
        condition, where = gate.get("conditionType", ""), f"{path}.readinessGates[{index}].conditionType"
        yield from each_invalid(where, condition, qualified_name(condition))
    yield from _validate_scheduling_gates(spec.get("schedulingGates", ()), f"{path}.schedulingGates")
    if "topologySpreadConstraints" in spec:
        from kubeapi.podspec.scheduling import validate_spreading

        yield from validate_spreading(spec["topologySpreadConstraints"], f"{path}.topologySpreadConstraints")
    yield from _validate_host_users(spec, path)
    yield from _validate_rest(spec, path)


def _validate_security(spec: JSON, path: str) -> Faults:
    if spec.get("securityContext") or spec.get("shareProcessNamespace"):
        from kubeapi.podspec.securitycontext import validate_pod_security

        yield from validate_pod_security(spec, path)


def _validate_host_users(spec: JSON, path: str) -> Faults:
    """Yield what of the host's a pod with users of its own may not share."""
    if spec.get("hostUsers") is False:
        for field, name in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
            if spec.get(field):
                yield forbidden(f"{path}.{name}", "when `pod.Spec.HostUsers` is false")


def _validate_containers(containers: Sequence[JSON], path: str, pod: Surroundings) -> Faults:
    if not containers:
        yield required(path)
    names: set[str] = set()
    for index, container in enumerate(containers):
        where, name = f"{path}[{index}]", container.get("name", "")
        yield from validate_container(container, where, pod)
        if name in names:
            yield duplicate(f"{where}.name", name)
        names.add(name)
        yield from validate_running(container, where, pod)
        if "restartPolicy" in container:
            yield forbidden(f"{where}.restartPolicy", "may not be set for non-init containers")
    yield from _validate_host_ports(containers, path)


def _validate_init_containers(spec: JSON, path: str, pod: Surroundings) -> Faults:
    names = {each.get("name", "") for each in spec.get("containers") or ()}
    for index, container in enumerate(spec.get("initContainers", ())):
        where, name = f"{path}[{index}]", container.get("name", "")
        yield from validate_container(container, where, pod)
        if container.get("restartPolicy", "Always") != "Always":
            yield unsupported(f"{where}.restartPolicy", container["restartPolicy"], ("Always",))
        if name in names:
            yield duplicate(f"{where}.name", name)
        names.update((name,) if name else ())
        # Init containers run one after the other, so only ports of one of them can collide.
        yield from _validate_host_ports([container], path)
        if container.get("restartPolicy") == "Always":
            yield from validate_running(container, where, pod)
            continue
        for field in ("lifecycle", *PROBES):
            if field in container:
                yield forbidden(f"{where}.{field}", _ONLY_SIDECARS)


def _validate_ephemeral_containers(spec: JSON, path: str, pod: Surroundings) -> Faults:
    others = {each.get("name", "") for field in ("containers", "initContainers") for each in spec.get(field) or ()}
    names = set(others)
    for index, container in enumerate(spec.get("ephemeralContainers", ())):
        where, name, target = f"{path}[{index}]", container.get("name", ""), container.get("targetContainerName", "")
        yield from validate_container(container, where, pod)
        yield from validate_spaces(container, where)
        if name in names:
            yield duplicate(f"{where}.name", name)
        names.add(name)
        if target and target not in others:
            yield not_found(f"{where}.targetContainerName", target)
        for field in _NOT_IN_EPHEMERAL:
            if container.get(field) or (field in container and field != "resources"):
                yield forbidden(f"{where}.{field}", "cannot be set for an Ephemeral Container")
        for number, mount in enumerate(container.get("volumeMounts", ())):
            for field in ("subPath", "subPathExpr"):
                if mount.get(field):
                    place = f"{where}.volumeMounts[{number}].{field}"
                    yield forbidden(place, "cannot be set for an Ephemeral Container")


def _ports_of(containers: Sequence[JSON], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for index, container in enumerate(containers):
        for number, port in enumerate(container.get("ports", ())):
            yield f"{path}[{index}].ports[{number}].hostPort", port


def _validate_host_ports(containers: Sequence[JSON], path: str) -> Faults:
    taken: set[str] = set()
    for where, port in _ports_of(containers, path):
        if port.get("hostPort"):
            text = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if text in taken:
                yield duplicate(where, text)
            taken.add(text)


def _validate_host_network(spec: JSON, path: str, *, is_pod: bool) -> Faults:
    if not spec.get("hostNetwork"):
        return
    for where, port in _ports_of(spec.get("containers") or (), path):
        host_port = port.get("hostPort", 0)
        if (is_pod or host_port) and host_port != port.get("containerPort", 0):
            yield invalid(where, host_port, "must match `containerPort` when `hostNetwork` is true")


def _validate_dns(spec: JSON, path: str) -> Faults:
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            yield required(path, "must provide `dnsConfig` when `dnsPolicy` is None")
            return
        if not config.get("nameservers"):
            yield required(f"{path}.nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None")
            return
    config = config or {}
    servers, searches = config.get("nameservers", []), config.get("searches", [])
    if len(servers) > _MOST_NAMESERVERS:
        yield invalid(f"{path}.nameservers", servers, f"must not have more than {_MOST_NAMESERVERS} nameservers")
    for index, server in enumerate(servers):
        yield from each_invalid(f"{path}.nameservers[{index}]", server, address(server))
    if len(searches) > _MOST_SEARCHES:
        yield invalid(f"{path}.searches", searches, f"must not have more than {_MOST_SEARCHES} search paths")
    if len(" ".join(searches)) > _LONGEST_SEARCH_LIST:
        detail = f"must not have more than {_LONGEST_SEARCH_LIST} characters (including spaces) in the search list"
        yield invalid(f"{path}.searches", searches, detail)
    for index, search in enumerate(searches):
        name = search.removesuffix(".")
        yield from each_invalid(f"{path}.searches[{index}]", name, () if search == "." else search_domain(name))
    for index, option in enumerate(config.get("options", ())):
        if not option.get("name"):
            yield required(f"{path}.options[{index}]", "must not be empty")


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


def _validate_aliases(aliases: Sequence[JSON], path: str) -> Faults:
    for index, alias in enumerate(aliases):
        where, ip = f"{path}[{index}]", alias.get("ip", "")
        yield from each_invalid(f"{where}.ip", ip, address(ip))
        for number, name in enumerate(alias.get("hostnames", ())):
            yield from each_invalid(f"{where}.hostnames[{number}]", name, dns1123_subdomain(name))


def _validate_rest(spec: JSON, path: str) -> Faults:
    """Yield the faults of names, deadline, aliases and the few fields that nothing here acts on."""
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
    yield from _validate_aliases(spec.get("hostAliases", ()), f"{path}.hostAliases")
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

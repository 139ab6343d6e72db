"""What the lists of containers in a pod's spec must be (pkg/apis/core/validation ValidateContainers and siblings)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kubeapi.meta import JSON
from kubeapi.podspec.container import PROBES, ContainerScope, validate_container, validate_running, validate_spaces
from kubeapi.validation.faults import Faults, duplicate, forbidden, invalid, not_found, required, too_many, unsupported

_NOT_IN_EPHEMERAL = ("ports", "resources", *PROBES, "lifecycle", "resizePolicy", "restartPolicy", "restartPolicyRules")
_RESTART_POLICIES = frozenset(("Always", "Never", "OnFailure"))
_RESTART_ACTIONS = frozenset(("Restart", "RestartAllContainers"))
_OPERATORS = frozenset(("In", "NotIn"))
_MOST_RULES, _MOST_CODES = 20, 255
_ONLY_SIDECARS = "may not be set for init containers without restartPolicy=Always"


def validate_containers(containers: Sequence[JSON], path: str, pod: ContainerScope) -> Faults:
    """Yield the faults of a pod's containers, of which there must be one."""
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
        yield from _validate_restarts(container, where)
    yield from _validate_host_ports(containers, path)


def validate_init_containers(spec: JSON, path: str, pod: ContainerScope) -> Faults:
    """Yield the faults of the init containers, sidecars among them."""
    names = {each.get("name", "") for each in spec.get("containers") or ()}
    for index, container in enumerate(spec.get("initContainers", ())):
        where, name = f"{path}[{index}]", container.get("name", "")
        yield from validate_container(container, where, pod)
        yield from _validate_restarts(container, where)
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


def _validate_restarts(container: JSON, path: str) -> Faults:
    """Yield the faults of a container's own restart policy and its rules (validateContainerRestartPolicy)."""
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules", ())
    if policy is None and rules:
        yield required(f"{path}.restartPolicy", "must specify restartPolicy when restart rules are used")
    elif policy is not None and policy not in _RESTART_POLICIES:
        yield unsupported(f"{path}.restartPolicy", policy, _RESTART_POLICIES)
    if len(rules) > _MOST_RULES:
        yield too_many(f"{path}.restartPolicyRules", len(rules), _MOST_RULES)
    for index, rule in enumerate(rules):
        where, action, codes = f"{path}.restartPolicyRules[{index}]", rule.get("action", ""), rule.get("exitCodes")
        if action not in _RESTART_ACTIONS:
            yield unsupported(f"{where}.action", action, _RESTART_ACTIONS)
        if codes is None:
            yield required(f"{where}.exitCodes", "must be specified")
            continue
        if codes.get("operator", "") not in _OPERATORS:
            yield unsupported(f"{where}.exitCodes.operator", codes.get("operator", ""), _OPERATORS)
        if len(codes.get("values", ())) > _MOST_CODES:
            yield too_many(f"{where}.exitCodes.values", len(codes["values"]), _MOST_CODES)


def validate_ephemeral_containers(spec: JSON, path: str, pod: ContainerScope) -> Faults:
    """Yield the faults of the ephemeral containers."""
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


def _validate_host_ports(containers: Sequence[JSON], path: str) -> Faults:
    taken: set[str] = set()
    for where, port in _ports_of(containers, path):
        if port.get("hostPort"):
            text = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if text in taken:
                yield duplicate(where, text)
            taken.add(text)


def _ports_of(containers: Sequence[JSON], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for index, container in enumerate(containers):
        for number, port in enumerate(container.get("ports", ())):
            yield f"{path}[{index}].ports[{number}].hostPort", port


def validate_host_network(spec: JSON, path: str, *, is_pod: bool) -> Faults:
    """Yield a fault for each port that differs from its hostPort though the pod is in the host's network."""
    if not spec.get("hostNetwork"):
        return
    for where, port in _ports_of(spec.get("containers") or (), path):
        host_port = port.get("hostPort", 0)
        if (is_pod or host_port) and host_port != port.get("containerPort", 0):
            yield invalid(where, host_port, "must match `containerPort` when `hostNetwork` is true")

"""What a container must be: ports, environment, mounts, probes (pkg/apis/core/validation)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.podspec.environment import validate_environment
from kubeapi.podspec.resources import validate_resources
from kubeapi.podspec.volumes.paths import descending_path
from kubeapi.validation.faults import (
    Faults,
    duplicate,
    each_invalid,
    forbidden,
    invalid,
    not_found,
    not_negative,
    one_of,
    required,
    unsupported,
)
from kubeapi.validation.names import PROTOCOLS, dns1123_label, port_name, port_number, port_number_or_name

_PULL_POLICIES = frozenset(("Always", "IfNotPresent", "Never"))
_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_SCHEMES = frozenset(("HTTP", "HTTPS"))
_HTTP_PROTOCOLS = frozenset(("HTTP1", "HTTP2"))
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")

_PROPAGATIONS = frozenset(("Bidirectional", "HostToContainer", "None"))
_RECURSIVE = frozenset(("Disabled", "Enabled", "IfPossible"))
_RESIZABLE = frozenset(("cpu", "memory"))
_RESIZE_POLICIES = frozenset(("NotRequired", "RestartContainer"))


class ContainerScope(NamedTuple):
    """The pod's fields that a container is validated against; ``volumes`` and ``claims`` are the names it may use."""

    volumes: frozenset[str]
    claims: frozenset[str]
    grace_seconds: int | None
    restart_policy: str
    has_host_users: bool


def validate_container(container: JSON, path: str, pod: ContainerScope) -> Faults:
    """Yield the faults that any container may have: init, ephemeral or regular."""
    name = container.get("name", "")
    if name:
        yield from each_invalid(f"{path}.name", name, dns1123_label(name))
    else:
        yield required(f"{path}.name")
    if not container.get("image"):
        yield required(f"{path}.image")
    policy = container.get("terminationMessagePolicy")
    yield from one_of(f"{path}.terminationMessagePolicy", policy, _MESSAGE_POLICIES)
    yield from _validate_ports(container.get("ports", ()), f"{path}.ports")
    yield from validate_environment(container, path)
    yield from _validate_mounts(container, f"{path}.volumeMounts", pod.volumes)
    yield from one_of(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), _PULL_POLICIES)
    yield from validate_resources(container.get("resources", {}), f"{path}.resources", pod.claims)
    yield from _validate_resizing(container.get("resizePolicy", ()), f"{path}.resizePolicy", pod.restart_policy)
    if container.get("securityContext"):
        from kubeapi.podspec.securitycontext import validate_container_security

        context, where = container["securityContext"], f"{path}.securityContext"
        yield from validate_container_security(context, where, has_host_users=pod.has_host_users)


def validate_running(container: JSON, path: str, pod: ContainerScope) -> Faults:
    """Yield the faults of lifecycle hooks and probes, which only regular containers and sidecars have."""
    for event in ("postStart", "preStop"):
        handler = container.get("lifecycle", {}).get(event)
        if handler is not None:
            where = f"{path}.lifecycle.{event}"
            yield from _validate_handler(handler, where, (*_HANDLERS[:3], "sleep"), pod.grace_seconds)
    for probe in PROBES:
        if probe in container:
            yield from _validate_probe(container[probe], f"{path}.{probe}", is_readiness=probe == "readinessProbe")


def validate_spaces(container: JSON, path: str) -> Faults:
    """Yield a fault of an image with spaces around it, which is only an error in a pod, not in a template."""
    image: str = container.get("image", "")
    if image != image.strip():
        yield invalid(f"{path}.image", image, "must not have leading or trailing whitespace")


def _validate_resizing(policies: Sequence[JSON], path: str, restart_policy: str) -> Faults:
    seen: set[str] = set()
    for index, each in enumerate(policies):
        name, policy = each.get("resourceName", ""), each.get("restartPolicy", "")
        if name in seen:
            yield duplicate(f"{path}[{index}]", name)
        seen.add(name)
        yield from one_of(path, name, _RESIZABLE)
        yield from one_of(path, policy, _RESIZE_POLICIES)
        if restart_policy == "Never" and policy != "NotRequired":
            yield invalid(path, policy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'")


def _validate_ports(ports: Sequence[JSON], path: str) -> Faults:
    names: set[str] = set()
    for index, port in enumerate(ports):
        where, name, number = f"{path}[{index}]", port.get("name", ""), port.get("containerPort", 0)
        if name:
            faults = port_name(name)
            yield from each_invalid(f"{where}.name", name, faults)
            if not faults and name in names:
                yield duplicate(f"{where}.name", name)
            names.update(() if faults else (name,))
        if number:
            yield from each_invalid(f"{where}.containerPort", number, port_number(number))
        else:
            yield required(f"{where}.containerPort")
        if port.get("hostPort"):
            yield from each_invalid(f"{where}.hostPort", port["hostPort"], port_number(port["hostPort"]))
        yield from one_of(f"{where}.protocol", port.get("protocol"), PROTOCOLS)


def _validate_mounts(container: JSON, path: str, volumes: frozenset[str]) -> Faults:
    places: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts", ())):
        where, name, place = f"{path}[{index}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            yield required(f"{where}.name")
        if name not in volumes:
            yield not_found(f"{where}.name", name)
        if not place:
            yield required(f"{where}.mountPath")
        if place in places:
            yield invalid(f"{where}.mountPath", place, "must be unique")
        places.add(place)
        yield from _validate_mount_options(mount, container, path, where)


def _validate_mount_options(mount: JSON, container: JSON, path: str, where: str) -> Faults:
    """Yield the faults of a mount's options; most paths of the real server leave out the mount's index."""
    if mount.get("subPath") and mount.get("subPathExpr"):
        detail = "subPathExpr and subPath are mutually exclusive"
        yield invalid(f"{where}.subPathExpr", mount["subPathExpr"], detail)
    for field in ("subPath", "subPathExpr"):
        if mount.get(field):
            yield from descending_path(mount[field], f"{path}.{field}")
    propagation, recursive = mount.get("mountPropagation"), mount.get("recursiveReadOnly")
    if propagation is not None and propagation not in _PROPAGATIONS:
        yield unsupported(f"{path}.mountPropagation", propagation, _PROPAGATIONS)
    if propagation == "Bidirectional" and not container.get("securityContext", {}).get("privileged"):
        detail = "Bidirectional mount propagation is available only to privileged containers"
        yield forbidden(f"{path}.mountPropagation", detail)
    if recursive is not None and recursive not in _RECURSIVE:
        yield unsupported(f"{path}.recursiveReadOnly", recursive, _RECURSIVE)
    elif recursive in ("Enabled", "IfPossible"):
        if not mount.get("readOnly"):
            yield forbidden(f"{path}.recursiveReadOnly", "may only be specified when readOnly is true")
        if propagation not in (None, "None"):
            detail = "may only be specified when mountPropagation is None or not specified"
            yield forbidden(f"{path}.recursiveReadOnly", detail)


def _validate_probe(probe: JSON, path: str, *, is_readiness: bool) -> Faults:
    yield from _validate_handler(probe, path, _HANDLERS, None)
    for number in _PROBE_NUMBERS:
        yield from not_negative(f"{path}.{number}", probe.get(number))
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 1:
        yield invalid(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0")
    if not is_readiness and probe.get("successThreshold", 1) != 1:
        yield invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")
    if grace is not None and is_readiness:
        yield invalid(f"{path}.terminationGracePeriodSeconds", grace, "must not be set for readinessProbes")


def _validate_handler(handler: JSON, path: str, allowed: tuple[str, ...], grace_seconds: int | None) -> Faults:
    given = [each for each in allowed if each in handler]
    if not given:
        yield required(path, "must specify a handler type")
    for each in given[1:]:
        yield forbidden(f"{path}.{each}", "may not specify more than 1 handler type")
    match given[:1]:
        case ["exec"] if not handler["exec"].get("command"):
            yield required(f"{path}.exec.command")
        case ["httpGet"]:
            yield from _validate_http_get(handler["httpGet"], f"{path}.httpGet")
        case ["tcpSocket"]:
            port: int | str = handler["tcpSocket"].get("port", 0)
            yield from each_invalid(f"{path}.tcpSocket.port", port, port_number_or_name(port))
        case ["grpc"]:
            number: int = handler["grpc"].get("port", 0)
            yield from each_invalid(f"{path}.grpc.port", number, port_number(number))
        case ["sleep"]:
            seconds: int = handler["sleep"].get("seconds", 0)
            if grace_seconds is not None and not 0 <= seconds <= grace_seconds:
                detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace_seconds})"
                yield invalid(f"{path}.sleep", seconds, detail)


def _validate_http_protocol(action: JSON, path: str) -> Faults:
    protocol = action.get("protocol")
    if protocol is not None and protocol not in _HTTP_PROTOCOLS:
        yield unsupported(f"{path}.protocol", protocol, _HTTP_PROTOCOLS)
    elif protocol == "HTTP2" and action.get("scheme") != "HTTP":
        yield invalid(f"{path}.protocol", protocol, "is only supported with HTTP (H2C)")
    elif protocol == "HTTP2" and action.get("host"):
        yield invalid(f"{path}.host", action["host"], 'must be empty when `protocol` is "HTTP2"')


def _validate_http_get(action: JSON, path: str) -> Faults:
    port: int | str = action.get("port", 0)
    yield from each_invalid(f"{path}.port", port, port_number_or_name(port))
    if action.get("scheme") not in _SCHEMES:
        yield unsupported(f"{path}.scheme", action.get("scheme", ""), _SCHEMES)
    yield from _validate_http_protocol(action, path)
    for header in action.get("httpHeaders", ()):
        name = header.get("name", "")
        if not re.fullmatch("[-A-Za-z0-9]+", name):
            detail = (
                "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', "
                "regex used for validation is '[-A-Za-z0-9]+')"
            )
            yield invalid(f"{path}.httpHeaders", name, detail)

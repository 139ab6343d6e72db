"""What a container must be: ports, environment, mounts, resources, probes (pkg/apis/core/validation)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kubeapi.meta import JSON
from kubeapi.quantity import amount_of
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
from kubeapi.validation.names import (
    config_key,
    dns1123_label,
    dns1123_subdomain,
    environment_variable,
    port_name,
    port_number,
    port_number_or_name,
    qualified_name,
)
from kubeapi.validation.service import PROTOCOLS

_PULL_POLICIES = frozenset(("Always", "IfNotPresent", "Never"))
_MESSAGE_POLICIES = frozenset(("FallbackToLogsOnError", "File"))
_SCHEMES = frozenset(("HTTP", "HTTPS"))
_FIELD_PATHS = frozenset(
    (
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    )
)
_KEYED_FIELD_PATH = re.compile(r"metadata\.(annotations|labels)\['[^']+'\]")
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")


def validate_container(container: JSON, path: str, volumes: frozenset[str], *, is_init: bool = False) -> Faults:
    """Yield the faults of one container; ``volumes`` are the names that it may mount."""
    name = container.get("name", "")
    if name:
        yield from each_invalid(f"{path}.name", name, dns1123_label(name))
    else:
        yield required(f"{path}.name")
    image: str = container.get("image", "")
    if not image:
        yield required(f"{path}.image")
    elif image != image.strip():
        yield invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    yield from one_of(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), _PULL_POLICIES)
    yield from one_of(f"{path}.terminationMessagePolicy", container.get("terminationMessagePolicy"), _MESSAGE_POLICIES)
    yield from _validate_ports(container.get("ports", ()), f"{path}.ports")
    yield from _validate_environment(container, path)
    yield from _validate_mounts(container.get("volumeMounts", ()), f"{path}.volumeMounts", volumes)
    yield from _validate_resources(container.get("resources", {}), f"{path}.resources")
    is_sidecar = container.get("restartPolicy") == "Always"
    if container.get("restartPolicy") not in (None, "Always"):
        yield unsupported(f"{path}.restartPolicy", container["restartPolicy"], ("Always",))
    for probe in _PROBES:
        if probe in container:
            if is_init and not is_sidecar:
                yield forbidden(f"{path}.{probe}", "may not be set for init containers without restartPolicy=Always")
            yield from _validate_probe(container[probe], f"{path}.{probe}", is_readiness=probe == "readinessProbe")
    for event in ("postStart", "preStop"):
        handler = container.get("lifecycle", {}).get(event)
        if handler is not None:
            yield from _validate_handler(handler, f"{path}.lifecycle.{event}", (*_HANDLERS[:3], "sleep"))


def _validate_ports(ports: Sequence[JSON], path: str) -> Faults:
    names: set[str] = set()
    for index, port in enumerate(ports):
        where, name, number = f"{path}[{index}]", port.get("name", ""), port.get("containerPort", 0)
        if name:
            faults = port_name(name)
            yield from each_invalid(f"{where}.name", name, faults)
            if not faults and name in names:
                yield duplicate(f"{where}.name", name)
            names.add(name)
        if number:
            yield from each_invalid(f"{where}.containerPort", number, port_number(number))
        else:
            yield required(f"{where}.containerPort")
        if port.get("hostPort"):
            yield from each_invalid(f"{where}.hostPort", port["hostPort"], port_number(port["hostPort"]))
        yield from one_of(f"{where}.protocol", port.get("protocol"), PROTOCOLS)


def _validate_environment(container: JSON, path: str) -> Faults:
    for index, variable in enumerate(container.get("env", ())):
        where, name = f"{path}.env[{index}]", variable.get("name", "")
        if name:
            yield from each_invalid(f"{where}.name", name, environment_variable(name))
        else:
            yield required(f"{where}.name")
        if "valueFrom" in variable:
            yield from _validate_source(variable, f"{where}.valueFrom")
    for index, source in enumerate(container.get("envFrom", ())):
        where = f"{path}.envFrom[{index}]"
        given = [each for each in ("configMapRef", "secretRef") if each in source]
        if not given:
            yield invalid(where, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(given) > 1:
            yield invalid(where, "", "may not have more than one field specified at a time")
        for each in given:
            name = source[each].get("name", "")
            yield from (
                each_invalid(f"{where}.{each}.name", name, dns1123_subdomain(name))
                if name
                else [required(f"{where}.{each}.name")]
            )


def _validate_source(variable: JSON, path: str) -> Faults:
    source = variable["valueFrom"]
    given = [each for each in _SOURCES if each in source]
    if not given:
        yield invalid(
            path, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        )
    elif variable.get("value"):
        yield invalid(path, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        yield invalid(path, "", "may not have more than one field specified at a time")
    if "fieldRef" in source:
        field = source["fieldRef"].get("fieldPath", "")
        if not field:
            yield required(f"{path}.fieldRef.fieldPath")
        elif field not in _FIELD_PATHS and not _KEYED_FIELD_PATH.fullmatch(field):
            yield unsupported(f"{path}.fieldRef.fieldPath", field, _FIELD_PATHS)
    for reference in ("configMapKeyRef", "secretKeyRef"):
        if reference in source:
            name, key = source[reference].get("name", ""), source[reference].get("key", "")
            if name:
                yield from each_invalid(f"{path}.{reference}.name", name, dns1123_subdomain(name))
            else:
                yield required(f"{path}.{reference}.name")
            if key:
                yield from each_invalid(f"{path}.{reference}.key", key, config_key(key))
            else:
                yield required(f"{path}.{reference}.key")


def _validate_mounts(mounts: Sequence[JSON], path: str, volumes: frozenset[str]) -> Faults:
    places: set[str] = set()
    for index, mount in enumerate(mounts):
        where, name, place = f"{path}[{index}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            yield required(f"{where}.name")
        if name not in volumes:
            yield not_found(f"{where}.name", name)
        if not place:
            yield required(f"{where}.mountPath")
        elif place in places:
            yield invalid(f"{where}.mountPath", place, "must be unique")
        places.add(place)


def _validate_resources(resources: JSON, path: str) -> Faults:
    limits: dict[str, str] = resources.get("limits", {})
    for kind in ("limits", "requests"):
        for name, quantity in resources.get(kind, {}).items():
            where = f"{path}.{kind}[{name}]"
            yield from each_invalid(f"{path}.{kind}", name, qualified_name(name))
            if amount_of(quantity) < 0:
                yield invalid(where, quantity, "must be greater than or equal to 0")
            elif kind == "requests" and name in limits and amount_of(quantity) > amount_of(limits[name]):
                yield invalid(
                    f"{path}.requests", quantity, f"must be less than or equal to {name} limit of {limits[name]}"
                )


def _validate_probe(probe: JSON, path: str, *, is_readiness: bool) -> Faults:
    yield from _validate_handler(probe, path, _HANDLERS)
    for number in _PROBE_NUMBERS:
        yield from not_negative(f"{path}.{number}", probe.get(number))
    if not is_readiness and probe.get("successThreshold", 1) != 1:
        yield invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and is_readiness:
        yield invalid(f"{path}.terminationGracePeriodSeconds", grace, "must not be set for readinessProbes")
    elif grace is not None and grace < 1:
        yield invalid(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0")


def _validate_handler(handler: JSON, path: str, allowed: tuple[str, ...]) -> Faults:
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


def _validate_http_get(action: JSON, path: str) -> Faults:
    port: int | str = action.get("port", 0)
    yield from each_invalid(f"{path}.port", port, port_number_or_name(port))
    yield from one_of(f"{path}.scheme", action.get("scheme"), _SCHEMES)
    for index, header in enumerate(action.get("httpHeaders", ())):
        name = header.get("name", "")
        if not re.fullmatch("[-A-Za-z0-9]+", name):
            detail = (
                "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', "
                "regex used for validation is '[-A-Za-z0-9]+')"
            )
            yield invalid(f"{path}.httpHeaders[{index}].name", name, detail)

"""The environment and the words of a container: env, envFrom, Service variables and ``$(VAR)``.

Pure. Follows k8s.io/kubernetes ``pkg/kubelet/envvars`` and ``third_party/forked/golang/expansion``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.service import Service
from kubehost.addresses import in_brackets
from kubelet.pod.spec import ContainerSpec, PodSpec

_SUBSCRIPT = re.compile(r"^metadata\.(labels|annotations)\['(.+)'\]$")
_C_IDENTIFIER = re.compile(r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")


class ConfigError(Exception):
    """The container cannot be created as it is described: CreateContainerConfigError, with the kubelet's text."""


class PodContext(NamedTuple):
    """What a pod's environment can speak of: its own facts, and the ConfigMaps and Services there are."""

    pod: PodSpec
    pod_ips: tuple[str, ...]
    host_ips: tuple[str, ...]
    config_maps: Mapping[ObjectKey, JSON]
    services: Iterable[Service]


def expand(text: str, mapping: Callable[[str], str | None]) -> str:
    """Replace every ``$(NAME)``; ``$$`` is one dollar sign, a name that is unknown stays as it was written."""
    parts: list[str] = []
    position, length = 0, len(text)
    while (dollar := text.find("$", position)) >= 0 and dollar + 1 < length:
        parts.append(text[position:dollar])
        following = text[dollar + 1]
        position = dollar + 2
        if following == "$":
            parts.append("$")
        elif following != "(":
            parts.append("$" + following)
        elif (end := text.find(")", position)) >= 0:
            name = text[position:end]
            value = mapping(name)
            parts.append(f"$({name})" if value is None else value)
            position = end + 1
        else:
            parts.append("$(")
    parts.append(text[position:])
    return "".join(parts)


def expand_all(words: Sequence[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return a command or its arguments, expanded."""
    return tuple(expand(word, environment.get) for word in words)


def service_variables(services: Iterable[Service], pod: PodSpec) -> dict[str, str]:
    """Return the Service variables that the pod gets: those of its namespace, and default/kubernetes always."""
    chosen: dict[str, Service] = {}
    for service in services:
        if not service.cluster_ips or service.is_headless or service.is_external_name:
            continue
        name = service.key.name
        is_master = service.key == ObjectKey("default", "kubernetes")
        if service.key.namespace == pod.key.namespace:
            if pod.has_service_links or is_master:
                chosen[name] = service
        elif is_master:
            chosen.setdefault(name, service)
    variables: dict[str, str] = {}
    for name in sorted(chosen):
        variables |= _variables_of(chosen[name])
    return variables


def _variables_of(service: Service) -> dict[str, str]:
    prefix, address = _variable_name(service.key.name), service.cluster_ips[0]
    host = in_brackets(address)
    variables = {f"{prefix}_SERVICE_HOST": address}
    for index, port in enumerate(service.ports):
        if index == 0:
            variables[f"{prefix}_SERVICE_PORT"] = str(port.port)
            variables[f"{prefix}_PORT"] = f"{port.protocol.lower()}://{host}:{port.port}"
        if port.name:
            variables[f"{prefix}_SERVICE_PORT_{_variable_name(port.name)}"] = str(port.port)
        link = f"{prefix}_PORT_{port.port}_{port.protocol.upper()}"
        variables[link] = f"{port.protocol.lower()}://{host}:{port.port}"
        variables[f"{link}_PROTO"] = port.protocol.lower()
        variables[f"{link}_PORT"] = str(port.port)
        variables[f"{link}_ADDR"] = address
    return variables


def _variable_name(name: str) -> str:
    text = name.upper().replace("-", "_").replace(".", "_")
    return f"_{text}" if text[:1].isdecimal() else text


def container_environment(context: PodContext, container: ContainerSpec, given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a container; ``given`` come first and everything may override them.

    Order: given, Service variables, envFrom, env. A value may use ``$(NAME)`` of those before it, and of the Service
    variables. Raises ConfigError.
    """
    services = service_variables(context.services, context.pod)
    environment = {**services}
    for source in container.env_from:
        environment |= _from_source(context, source)
    for variable in container.env:
        value = _value_of(context, variable, {**given, **environment})
        if value is not None:
            environment[variable["name"]] = value
    return {**given, **environment}


def _from_source(context: PodContext, source: JSON) -> dict[str, str]:
    if "secretRef" in source and not source["secretRef"].get("optional"):
        raise ConfigError(f'secret "{source["secretRef"].get("name", "")}" not found (kubesvc keeps no Secrets)')
    reference = source.get("configMapRef")
    if reference is None:
        return {}
    config_map = _config_map(context, reference)
    if config_map is None:
        return {}
    prefix = source.get("prefix") or ""
    entries = (config_map.get("data") or {}).items()
    return {prefix + key: str(value) for key, value in entries if _C_IDENTIFIER.match(prefix + key)}


def _config_map(context: PodContext, reference: JSON) -> JSON | None:
    name = reference.get("name") or ""
    found = context.config_maps.get(ObjectKey(context.pod.key.namespace, name))
    if found is None and not reference.get("optional"):
        raise ConfigError(f'configmap "{name}" not found')
    return found


def _value_of(context: PodContext, variable: JSON, environment: Mapping[str, str]) -> str | None:
    source = variable.get("valueFrom")
    if not source:
        return expand(str(variable.get("value") or ""), environment.get)
    if reference := source.get("configMapKeyRef"):
        return _from_key(context, reference)
    if reference := source.get("fieldRef"):
        return _field(context, reference.get("fieldPath") or "")
    if "secretKeyRef" in source:
        if source["secretKeyRef"].get("optional"):
            return None
        raise ConfigError(f'secret "{source["secretKeyRef"].get("name", "")}" not found (kubesvc keeps no Secrets)')
    kind = next(iter(source), "")
    raise ConfigError(f"env {variable['name']}: valueFrom.{kind} is not supported by kubesvc")


def _from_key(context: PodContext, reference: JSON) -> str | None:
    config_map = _config_map(context, reference)
    if config_map is None:
        return None
    value = (config_map.get("data") or {}).get(reference["key"])
    if value is None and not reference.get("optional"):
        where = f"{context.pod.key.namespace}/{reference.get('name', '')}"
        raise ConfigError(f"couldn't find key {reference['key']} in ConfigMap {where}")
    return None if value is None else str(value)


def _field(context: PodContext, path: str) -> str:
    pod = context.pod
    if match := _SUBSCRIPT.match(path):
        pairs = pod.labels if match[1] == "labels" else pod.annotations
        return pairs.get(match[2], "")
    fields = {
        "metadata.name": pod.key.name,
        "metadata.namespace": pod.key.namespace,
        "metadata.uid": pod.uid,
        "spec.nodeName": pod.node_name,
        "spec.serviceAccountName": pod.service_account,
        "status.podIP": context.pod_ips[0],
        "status.podIPs": ",".join(context.pod_ips),
        "status.hostIP": context.host_ips[0],
        "status.hostIPs": ",".join(context.host_ips),
    }
    if path not in fields:
        raise ConfigError(f"unsupported fieldPath: {path}")
    return fields[path]

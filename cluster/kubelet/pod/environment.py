"""A container's variables: ``env``, ``envFrom``, Service variables, and ``$(VAR)`` in values and commands.

Pure. Follows k8s.io/kubernetes ``pkg/kubelet/kubelet_pods.go`` (makeEnvironmentVariables), ``pkg/kubelet/envvars`` and
``third_party/forked/golang/expansion``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.service import Service
from kubehost.addresses import in_brackets
from kubelet.pod.configkinds import CONFIG_KINDS, ConfigKind
from kubelet.pod.downward import FieldError, field_value, resource_value
from kubelet.pod.envfile import find_variable
from kubelet.pod.machine.state import PodPlace
from kubelet.pod.spec import ContainerSpec, PodSpec


class ConfigError(Exception):
    """The container cannot be created yet: the message of its CreateContainerConfigError, in the kubelet's words."""


def _no_file(volume: str, path: str) -> str:
    raise FileNotFoundError(f"the volume {volume} is not mounted, so there is no file {path}")


class Sources(NamedTuple):
    """What the variables of a pod's containers may refer to.

    ``objects`` has those of each kind of CONFIG_KINDS; a kind that is left out has none. ``token`` returns the token
    for a serviceAccountToken of a projected volume, "" where pods get none. ``read_file`` returns the text of a file of
    a volume (its name, the path in it), or raises OSError. ``certificate`` returns the key and the certificates for a
    podCertificate, in PEM, or raises VolumeError; None where pods get none.
    """

    pod: PodSpec
    place: PodPlace
    objects: Mapping[str, Mapping[ObjectKey, JSON]]
    services: Iterable[Service]
    token: Callable[[JSON], str] = lambda source: ""
    read_file: Callable[[str, str], str] = _no_file
    certificate: Callable[[JSON], tuple[bytes, bytes] | None] = lambda source: None


def expand(text: str, mapping: Callable[[str], str | None]) -> str:
    """Replace every ``$(NAME)``; ``$$`` is one dollar sign, and an unknown name stays as it is written."""
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
    """Expand a command or its arguments."""
    return tuple(expand(word, environment.get) for word in words)


def service_variables(services: Iterable[Service], pod: PodSpec) -> dict[str, str]:
    """Return the variables of the Services in the pod's namespace, and always those of default/kubernetes."""
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


def container_environment(sources: Sources, container: ContainerSpec, given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a container; each of the following may override those before it.

    Order: ``given``, Service variables, envFrom, env. A value may use ``$(NAME)`` of any variable before it. Raises
    ConfigError.
    """
    environment = service_variables(sources.services, sources.pod)
    for source in container.env_from:
        environment |= _whole_object(sources, source)
    for variable in container.env:
        value = _value_of(sources, container, variable, {**given, **environment})
        if value is not None:
            environment[variable["name"]] = value
    return {**given, **environment}


def _whole_object(sources: Sources, source: JSON) -> dict[str, str]:
    """Return the variables of one entry of envFrom; every key of an object is a name, behind any prefix."""
    prefix = source.get("prefix") or ""
    for config in CONFIG_KINDS:
        if (reference := source.get(config.reference)) is not None:
            values = _values_of(sources, config, reference)
            return {prefix + key: config.decode(value) for key, value in values.items()}
    return {}


def _value_of(sources: Sources, container: ContainerSpec, variable: JSON, environment: Mapping[str, str]) -> str | None:
    """Return the value of one entry of env, None for an optional reference to what does not exist."""
    source = variable.get("valueFrom")
    if not source:
        return expand(str(variable.get("value") or ""), environment.get)
    try:
        if reference := source.get("fieldRef"):
            return field_value(sources.pod, sources.place, reference.get("fieldPath") or "")
        if reference := source.get("resourceFieldRef"):
            return resource_value(sources.pod, container, reference, sources.place.allocatable)
    except FieldError as error:
        raise ConfigError(str(error)) from None
    for config in CONFIG_KINDS:
        if reference := source.get(config.key_reference):
            return _value_of_key(sources, config, reference)
    if reference := source.get("fileKeyRef"):
        return _value_of_file(sources, reference)
    raise ConfigError(f"env {variable['name']}: valueFrom.{next(iter(source))} is not supported by kubesvc")


def _value_of_file(sources: Sources, reference: JSON) -> str | None:
    key, path, is_optional = reference["key"], reference["path"], bool(reference.get("optional"))
    try:
        value = find_variable(sources.read_file(reference["volumeName"], path), key)
    except (OSError, ValueError) as error:
        # The kubelet keeps the reason for its log.
        raise ConfigError(f"couldn't parse env file: {error}") from None
    if value or is_optional:
        return value or None
    raise ConfigError(f'environment variable key "{key}" not found in file "{path}"')


def _value_of_key(sources: Sources, config: ConfigKind, reference: JSON) -> str | None:
    value = _values_of(sources, config, reference).get(reference["key"])
    if value is not None:
        return config.decode(value)
    if reference.get("optional"):
        return None
    where = f"{sources.pod.key.namespace}/{reference.get('name', '')}"
    raise ConfigError(f"couldn't find key {reference['key']} in {config.kind} {where}")


def _values_of(sources: Sources, config: ConfigKind, reference: JSON) -> Mapping[str, str]:
    """Return the ``data`` of the object that a reference names, encoded; nothing for an optional one that is missing.

    Raises ConfigError if the object does not exist.
    """
    key = ObjectKey(sources.pod.key.namespace, reference.get("name") or "")
    found = sources.objects.get(config.kind, {}).get(key)
    if found is None and not reference.get("optional"):
        raise ConfigError(f'{config.kind.lower()} "{key.name}" not found')
    values: Mapping[str, str] | None = found.get("data") if found is not None else None
    return values if values is not None else {}

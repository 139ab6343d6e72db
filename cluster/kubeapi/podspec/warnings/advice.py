"""What the writer of a pod's spec is told by a real server: what is valid and yet hardly meant. Pure.

Word for word as k8s.io/kubernetes ``pkg/api/pod/warnings.go``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.podspec.profiles import containers_of
from kubeapi.podspec.warnings.overlaps import overlapping_files
from kubeapi.podspec.warnings.ports import port_advice
from kubeapi.podspec.warnings.profiles import container_profile_advice, pod_profile_advice
from kubeapi.status import FieldError
from kubeapi.validation.addresses import address_warnings
from kubeapi.validation.names import label_value
from kubeapi.validation.warnings import warning

OLD_NODE_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}
_OLD_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_OLD_VOLUMES = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
_NO_SELECTOR = "a null labelSelector results in matching no pod"


def pod_advice(metadata: JSON, spec: JSON, path: str) -> Iterator[FieldError]:
    """Yield the warnings of a pod's spec, in the real server's order; ``path`` is of what has both, with its dot."""
    where = f"{path}spec"
    yield from _places(spec, where)
    annotations, noted = map_at(metadata, "annotations"), f"{path}metadata.annotations"
    for key in annotations:
        if key in _OLD_ANNOTATIONS:
            yield warning(f"{noted}[{key}]", _OLD_ANNOTATIONS[key])
    yield from pod_profile_advice(annotations, spec, noted)
    yield from _volumes(list_at(spec, "volumes"), f"{where}.volumes")
    yield from _repeated(spec, where)
    containers = list(containers_of(spec, where))
    for inner, container in containers:
        if annotations:
            yield from container_profile_advice(annotations, spec, container, noted, is_template=bool(path))
        yield from _hidden_variables(container, inner)
    yield from port_advice([(inner, list_at(container, "ports")) for inner, container in containers])
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        text = "must be >= 0; negative values are invalid and will be treated as 1"
        yield warning(f"{where}.terminationGracePeriodSeconds", text)
    for kind in ("podAffinity", "podAntiAffinity"):
        yield from _affinity_without_selector(map_at(spec, "affinity", kind), f"{where}.affinity.{kind}")
    yield from _address_forms(spec, where)


def _places(spec: JSON, path: str) -> Iterator[FieldError]:
    """Yield the warnings of where a pod may run: of labels of nodes that are no longer in use."""
    for key in spec.get("nodeSelector") or ():
        if key in OLD_NODE_LABELS:
            yield warning(f"{path}.nodeSelector[{key}]", OLD_NODE_LABELS[key])
    affinity, where = map_at(spec, "affinity", "nodeAffinity"), f"{path}.affinity.nodeAffinity"
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    for index, term in enumerate(list_at(affinity, required, "nodeSelectorTerms")):
        yield from _node_term(term, f"{where}.{required}.nodeSelectorTerms[{index}]", checks_values=False)
    preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    for index, term in enumerate(list_at(affinity, preferred)):
        yield from _node_term(
            map_at(term, "preference"), f"{where}.{preferred}[{index}].preference", checks_values=True
        )
    for index, spread in enumerate(list_at(spec, "topologySpreadConstraints")):
        inner, key = f"{path}.topologySpreadConstraints[{index}]", spread.get("topologyKey")
        if key in OLD_NODE_LABELS:
            yield warning(f"{inner}.topologyKey", f"{key} is {OLD_NODE_LABELS[key]}")
        if spread.get("labelSelector") is None:
            yield warning(f"{inner}.labelSelector", _NO_SELECTOR)


def _node_term(term: JSON, path: str, *, checks_values: bool) -> Iterator[FieldError]:
    for index, expression in enumerate(list_at(term, "matchExpressions")):
        inner, key = f"{path}.matchExpressions[{index}]", expression["key"]
        if key in OLD_NODE_LABELS:
            yield warning(f"{inner}.key", f"{key} is {OLD_NODE_LABELS[key]}")
        for number, value in enumerate(list_at(expression, "values") if checks_values else ()):
            for text in label_value(value):
                yield warning(f"{inner}.values[{number}]", f"{value} is invalid, {text}")


def _volumes(volumes: Sequence[JSON], path: str) -> Iterator[FieldError]:
    for index, volume in enumerate(volumes):
        for source in volume.keys() & _OLD_VOLUMES.keys():
            shown = "storageOS" if source == "storageos" else source  # the real server's warning spells it so
            yield warning(f"{path}[{index}].{shown}", _OLD_VOLUMES[source])
    yield from overlapping_files(volumes, path)


def _repeated(spec: JSON, path: str) -> Iterator[FieldError]:
    for field, key, word in (("hostAliases", "ip", "ip"), ("imagePullSecrets", "name", "name")):
        known: set[Any] = set()
        for index, each in enumerate(list_at(spec, field)):
            value = each.get(key, "")
            if value in known:
                yield warning(f"{path}.{field}[{index}].{key}", f'duplicate {word} "{value}"')
            known.add(value)
    for index, each in enumerate(list_at(spec, "imagePullSecrets")):
        if not each.get("name"):
            yield warning(f"{path}.imagePullSecrets[{index}].name", 'invalid empty name ""')


def _hidden_variables(container: JSON, path: str) -> Iterator[FieldError]:
    known: set[str] = set()
    for index, variable in enumerate(list_at(container, "env")):
        name, value = variable["name"], variable.get("value", "")
        reference = f"$({name})"
        if name in known and (variable.get("valueFrom") or value == reference or reference not in value):
            text = f'hides previous definition of "{name}", which may be dropped when using apply'
            yield warning(f"{path}.env[{index}]", text)
        known.add(name)


def _affinity_without_selector(affinity: JSON, path: str) -> Iterator[FieldError]:
    field = "requiredDuringSchedulingIgnoredDuringExecution"
    for index, term in enumerate(list_at(affinity, field)):
        if term.get("labelSelector") is None:
            yield warning(f"{path}.{field}[{index}].labelSelector", _NO_SELECTOR)
    field = "preferredDuringSchedulingIgnoredDuringExecution"
    for index, term in enumerate(list_at(affinity, field)):
        if map_at(term, "podAffinityTerm").get("labelSelector") is None:
            yield warning(f"{path}.{field}[{index}].podAffinityTerm.labelSelector", _NO_SELECTOR)


def _address_forms(spec: JSON, path: str) -> Iterator[FieldError]:
    for index, server in enumerate(list_at(spec, "dnsConfig", "nameservers")):
        yield from address_warnings(f"{path}.dnsConfig.nameservers[{index}]", server)
    for index, alias in enumerate(list_at(spec, "hostAliases")):
        yield from address_warnings(f"{path}.hostAliases[{index}].ip", alias.get("ip", ""))

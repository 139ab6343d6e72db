"""The downward API: a pod's own fields and its containers' resources, for variables and for the files of volumes.

Pure. Follows k8s.io/kubernetes ``pkg/fieldpath``, ``pkg/api/v1/resource`` (ExtractContainerResourceValue) and, for the
fields that variables have beyond that, ``pkg/kubelet/kubelet_pods.go`` (podFieldSelectorRuntimeValue).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import ROUND_CEILING

from kubeapi.meta import JSON
from kubeapi.objects.parts import map_at
from kubeapi.serialization.quantity import amount_of
from kubelet.pod.machine.state import PodPlace
from kubelet.pod.spec import ContainerSpec, PodSpec

_SUBSCRIPT = re.compile(r"^metadata\.(labels|annotations)\['(.+)'\]$")


class FieldError(Exception):
    """There is no such field; the text is the kubelet's."""


def field_value(pod: PodSpec, place: PodPlace, path: str) -> str:
    """Return the value of a fieldPath; FieldError."""
    if match := _SUBSCRIPT.match(path):
        pairs = pod.labels if match[1] == "labels" else pod.annotations
        return pairs.get(match[2], "")
    fields = {
        "metadata.name": pod.key.name,
        "metadata.namespace": pod.key.namespace,
        "metadata.uid": pod.uid,
        "metadata.labels": _lines(pod.labels),
        "metadata.annotations": _lines(pod.annotations),
        "spec.nodeName": pod.node_name,
        "spec.serviceAccountName": pod.service_account,
        "status.podIP": place.pod_ip,
        "status.podIPs": ",".join(place.pod_ips),
        "status.hostIP": place.host_ips[0],
        "status.hostIPs": ",".join(place.host_ips),
    }
    if path not in fields:
        raise FieldError(f"unsupported fieldPath: {path}")
    return fields[path]


def _lines(pairs: Mapping[str, str]) -> str:
    """Return labels as the files of the downward API have them (fieldpath.FormatMap)."""
    return "\n".join(f"{key}={json.dumps(pairs[key], ensure_ascii=False)}" for key in sorted(pairs))


def resource_value(pod: PodSpec, container: ContainerSpec, reference: JSON, allocatable: Mapping[str, str]) -> str:
    """Return the value of a resourceFieldRef, in units of its divisor and rounded up; FieldError.

    A limit that the container does not have is what its node can give, ``allocatable``; a request then is 0.
    """
    source = pod.container(reference["containerName"]) if reference.get("containerName") else container
    what = reference.get("resource") or ""
    kind, _, name = what.partition(".")
    if kind not in ("limits", "requests") or not name:
        raise FieldError(f"unsupported container resource : {what}")
    given = map_at(source.resources, kind).get(name)
    if given is None:
        given = allocatable.get(name, "0") if kind == "limits" else "0"
    divisor = amount_of(str(reference.get("divisor") or "0"))
    return str((amount_of(str(given)) / (divisor or 1)).to_integral_value(ROUND_CEILING))

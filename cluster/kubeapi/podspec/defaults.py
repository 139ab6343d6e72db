"""The defaults of a pod's spec, in pods and in the templates of workloads (pkg/apis/core/v1/defaults.go).

Changes what it is given, which ``decoding.decode`` has made: every field that is there has its schema's type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubeapi.meta import JSON
from kubeapi.podspec.volumes.defaults import set_source_defaults

_FILE_MODE = 0o644
"""defaultMode of volumes that hold files."""

_TOKEN_SECONDS = 3600
"""expirationSeconds of a projected service account token."""

_HOST_PART = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_PATH_PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:(?:{_HOST_PART}(?:\.{_HOST_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?/)?{_PATH_PART}(?:/{_PATH_PART})*"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}))?",
    re.ASCII,
)
"""The name of an image (github.com/distribution/reference)."""
_IMAGE_ID = re.compile("[0-9a-f]{64}")

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def set_pod_spec_defaults(spec: JSON) -> None:
    """Fill in what pods and templates have alike (SetDefaults_PodSpec)."""
    for name, value in (
        ("dnsPolicy", "ClusterFirst"),
        ("restartPolicy", "Always"),
        ("schedulerName", "default-scheduler"),
    ):
        if not spec.get(name):
            spec[name] = value
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = account  # the old name and the new one are one field
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    for container in _containers(spec):
        _set_container(container)
    for volume in spec.get("volumes", ()):
        _set_volume(volume)


def _containers(spec: JSON) -> Iterator[JSON]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field, ())


def _set_container(container: JSON) -> None:
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = _pull_policy(container.get("image", ""))
    if not container.get("terminationMessagePath"):
        container["terminationMessagePath"] = "/dev/termination-log"
    if not container.get("terminationMessagePolicy"):
        container["terminationMessagePolicy"] = "File"
    for port in container.get("ports", ()):
        port["protocol"] = port.get("protocol") or "TCP"
    for variable in container.get("env", ()):
        _set_field_reference(variable.get("valueFrom", {}))
    container.setdefault("resources", {})
    for name in _PROBES:
        if name in container:
            _set_probe(container[name])
    for handler in container.get("lifecycle", {}).values():
        if isinstance(handler, dict):
            _set_http_get(handler)


def _set_field_reference(source: JSON) -> None:
    reference = source.get("fieldRef")
    if reference is not None and not reference.get("apiVersion"):
        reference["apiVersion"] = "v1"


def _pull_policy(image: str) -> str:
    """Return Always for an image with the tag ``latest``, or with neither tag nor digest, else IfNotPresent.

    What is no reference of an image at all has no tag ``latest`` either.
    """
    found = _REFERENCE.fullmatch(image)
    if found is None or _IMAGE_ID.fullmatch(image):
        return "IfNotPresent"
    is_latest = found["tag"] == "latest" or not (found["tag"] or found["digest"])
    return "Always" if is_latest else "IfNotPresent"


def _set_probe(probe: JSON) -> None:
    for name, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        if not probe.get(name):
            probe[name] = value
    _set_http_get(probe)
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")


def _set_http_get(handler: JSON) -> None:
    http_get = handler.get("httpGet")
    if http_get is not None:
        if not http_get.get("path"):
            http_get["path"] = "/"
        if not http_get.get("scheme"):
            http_get["scheme"] = "HTTP"


def _set_volume(volume: JSON) -> None:
    if volume.keys() <= {"name"}:
        volume["emptyDir"] = {}
    for source in ("configMap", "secret", "projected", "downwardAPI"):
        if source in volume:
            volume[source].setdefault("defaultMode", _FILE_MODE)
    if "image" in volume and not volume["image"].get("pullPolicy"):
        volume["image"]["pullPolicy"] = _pull_policy(volume["image"].get("reference", ""))
    set_source_defaults(volume)
    projections = volume.get("projected", {}).get("sources", ())
    for source in (volume, *projections):
        for item in source.get("downwardAPI", {}).get("items", ()):
            _set_field_reference(item)
    for source in projections:
        if "serviceAccountToken" in source:
            source["serviceAccountToken"].setdefault("expirationSeconds", _TOKEN_SECONDS)
    claim = volume.get("ephemeral", {}).get("volumeClaimTemplate", {}).get("spec")
    if claim is not None:
        claim.setdefault("volumeMode", "Filesystem")

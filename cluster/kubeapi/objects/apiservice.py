"""What an APIService says: which API server answers for one version of one group.

Without a Service it is this server (``Local``), otherwise an extension API server behind that Service, to which the
requests for the group and version are forwarded. Follows k8s.io/kube-aggregator ``pkg/apis/apiregistration/v1``.
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.conditions import is_condition_true
from kubeapi.objects.parts import spec_of

AVAILABLE = "Available"
"""The type of the one condition."""
MANAGED_LABEL = "kube-aggregator.kubernetes.io/automanaged"
"""The label of APIServices that the cluster makes for itself."""
ON_START, ALWAYS = "onstart", "true"
"""Its values: made again at a start (of what is built in), or whenever they are gone (of custom resources)."""


class ServiceReference(NamedTuple):
    """The Service of an extension API server, and which of its ports."""

    key: ObjectKey
    port: int


class APIService(NamedTuple):
    """An APIService. ``service`` None is this server; ``authority`` is what may have signed its certificate, in PEM.

    Without an ``authority`` it is what the system trusts, unless any certificate will do (``skips_verification``).
    """

    name: str
    group: str
    version: str
    group_priority: int
    version_priority: int
    service: ServiceReference | None
    authority: bytes
    skips_verification: bool
    is_available: bool

    @property
    def path(self) -> str:
        """The path of the version's resources: ``/apis/GROUP/VERSION``."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @property
    def server_name(self) -> str:
        """The name that the certificate of the extension API server has to have."""
        return f"{self.service.key.name}.{self.service.key.namespace}.svc" if self.service else ""


def local_condition(time: str) -> JSON:
    """Return the condition of an APIService without a Service."""
    return {
        "type": AVAILABLE,
        "status": "True",
        "lastTransitionTime": time,
        "reason": "Local",
        "message": "Local APIServices are always available",
    }


def read_api_service(obj: JSON) -> APIService:
    """Read an APIService object."""
    spec = spec_of(obj)
    service = spec.get("service")
    return APIService(
        name=obj["metadata"]["name"],
        group=spec.get("group") or "",
        version=spec.get("version") or "",
        group_priority=spec.get("groupPriorityMinimum") or 0,
        version_priority=spec.get("versionPriority") or 0,
        service=_read_service(service) if service else None,
        authority=_read_authority(spec),
        skips_verification=bool(spec.get("insecureSkipTLSVerify")),
        is_available=is_condition_true(obj, AVAILABLE),
    )


def _read_service(service: JSON) -> ServiceReference:
    return ServiceReference(
        ObjectKey(service.get("namespace") or "", service.get("name") or ""), service.get("port") or 443
    )


def _read_authority(spec: JSON) -> bytes:
    try:
        return base64.b64decode(spec.get("caBundle") or "")
    except binascii.Error:
        return b""

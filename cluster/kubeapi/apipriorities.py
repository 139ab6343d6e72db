"""The groups and versions that are built in, by priority: their order in discovery, and their APIServices. Pure.

Follows kube-apiserver's ``apiVersionPriorities`` (``pkg/controlplane/apiserver/aggregator.go`` and
``cmd/kube-apiserver/app/aggregator.go``). The metrics, which another server answers for in most clusters, have no
priority, and so no APIService: that name is free for such a server's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from kubeapi.meta import JSON, ObjectKey, labels_of
from kubeapi.objects.apiservice import ALWAYS, MANAGED_LABEL, ON_START
from kubeapi.scheme import APISERVICES

if TYPE_CHECKING:
    from kubeapi.registry import Registry


class Priority(NamedTuple):
    """Where a version is in discovery: groups with a higher number come first, and in a group versions."""

    group: int
    version: int


BUILT_IN: Mapping[tuple[str, str], Priority] = {
    ("", "v1"): Priority(18000, 1),
    ("apps", "v1"): Priority(17800, 15),
    ("events.k8s.io", "v1"): Priority(17750, 15),
    ("authentication.k8s.io", "v1"): Priority(17700, 15),
    ("authorization.k8s.io", "v1"): Priority(17600, 15),
    ("autoscaling", "v2"): Priority(17500, 30),
    ("autoscaling", "v1"): Priority(17500, 15),
    ("batch", "v1"): Priority(17400, 15),
    ("certificates.k8s.io", "v1"): Priority(17300, 15),
    ("networking.k8s.io", "v1"): Priority(17200, 15),
    ("policy", "v1"): Priority(17100, 15),
    ("rbac.authorization.k8s.io", "v1"): Priority(17000, 15),
    ("storage.k8s.io", "v1"): Priority(16800, 15),
    ("admissionregistration.k8s.io", "v1"): Priority(16700, 15),
    ("apiextensions.k8s.io", "v1"): Priority(16700, 15),
    ("scheduling.k8s.io", "v1"): Priority(16600, 15),
    ("coordination.k8s.io", "v1"): Priority(16500, 15),
    ("node.k8s.io", "v1"): Priority(16300, 15),
    ("discovery.k8s.io", "v1"): Priority(16200, 15),
    ("resource.k8s.io", "v1"): Priority(16200, 21),
    ("flowcontrol.apiserver.k8s.io", "v1"): Priority(16100, 21),
    ("storagemigration.k8s.io", "v1"): Priority(15800, 15),
}
"""By group and version, in the order of discovery."""

OWN = Priority(20001, 1)
"""Of APIServices themselves, which have none: they come first."""
METRICS = Priority(100, 100)
"""Of metrics: what the manifests of metrics-server and of adapters of custom metrics say."""
CUSTOM = Priority(1000, 100)
"""Of every version of custom resources (``controller/crdregistration``)."""


def new_api_service(group: str, version: str, priority: Priority, managed: str) -> JSON:
    """Return the APIService of a version that this server answers for itself."""
    return {
        "apiVersion": APISERVICES.api_version,
        "kind": APISERVICES.kind,
        "metadata": {"name": f"{version}.{group}", "labels": {MANAGED_LABEL: managed}},
        "spec": {
            **({"group": group} if group else {}),
            "version": version,
            "groupPriorityMinimum": priority.group,
            "versionPriority": priority.version,
        },
    }


def is_managed(obj: JSON) -> bool:
    """Tell whether an APIService is one that the cluster makes for itself."""
    return labels_of(obj).get(MANAGED_LABEL) in (ON_START, ALWAYS)


def create_missing_api_services(registry: Registry) -> Iterator[JSON]:
    """Create the APIServices of what is built in, and mend those that are other than at a start; one for each step."""
    for (group, version), priority in BUILT_IN.items():
        wanted = new_api_service(group, version, priority, ON_START)
        found = registry.store.find(APISERVICES, ObjectKey("", wanted["metadata"]["name"]))
        if found is None:
            yield registry.create(APISERVICES, wanted)
        elif is_managed(found) and found["spec"] != wanted["spec"]:
            yield registry.update(APISERVICES, {**found, "spec": wanted["spec"]})

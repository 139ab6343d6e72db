"""What is served: the verbs, subresources and categories of every resource, and the groups that they are in. Pure.

Everything else (routes, discovery) is derived from here. Follows the discovery documents of a v1.32 kube-apiserver.
The list never changes while a cluster lives, since kubectl keeps it for hours.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubeapi.scheme import DEPLOYMENTS, EVENTS_V1, NAMESPACES, NODES, PODS, REPLICASETS, RESOURCES, SERVICES, Resource

_ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_SUBRESOURCE_VERBS = ("get", "patch", "update")
_STREAM_VERBS = ("create", "get")
_PROXY_VERBS = ("create", "delete", "get", "patch", "update")


@dataclass(frozen=True, slots=True)
class Subresource:
    """A part of an object with a path of its own. ``kind`` "" is the resource's own kind."""

    name: str
    verbs: tuple[str, ...]
    kind: str = ""
    group: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """A resource and what may be done with it."""

    resource: Resource
    verbs: tuple[str, ...] = _ALL_VERBS
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()

    def subresource(self, name: str) -> Subresource | None:
        """Return a subresource by its name, None if there is none."""
        return next((each for each in self.subresources if each.name == name), None)


STATUS = Subresource("status", _SUBRESOURCE_VERBS)
SCALE = Subresource("scale", _SUBRESOURCE_VERBS, "Scale", "autoscaling", "v1")
_POD_SUBRESOURCES = (
    Subresource("attach", _STREAM_VERBS, "PodAttachOptions"),
    Subresource("binding", ("create",), "Binding"),
    Subresource("ephemeralcontainers", _SUBRESOURCE_VERBS),
    Subresource("eviction", ("create",), "Eviction", "policy", "v1"),
    Subresource("exec", _STREAM_VERBS, "PodExecOptions"),
    Subresource("log", ("get",)),
    Subresource("portforward", _STREAM_VERBS, "PodPortForwardOptions"),
    Subresource("proxy", _PROXY_VERBS, "PodProxyOptions"),
    Subresource("resize", _SUBRESOURCE_VERBS),
    STATUS,
)

_SERVICE_SUBRESOURCES = (Subresource("proxy", _PROXY_VERBS, "ServiceProxyOptions"), STATUS)
_NODE_SUBRESOURCES = (Subresource("proxy", _PROXY_VERBS, "NodeProxyOptions"), STATUS)

SCALES = Resource("Scale", "scales", "autoscaling", "v1", True)
"""What the subresource ``scale`` shows of an object."""

SUBJECT_ACCESS = Resource("SelfSubjectAccessReview", "selfsubjectaccessreviews", "authorization.k8s.io", "v1", False)
SUBJECT_RULES = Resource("SelfSubjectRulesReview", "selfsubjectrulesreviews", "authorization.k8s.io", "v1", False)
SUBJECT = Resource("SelfSubjectReview", "selfsubjectreviews", "authentication.k8s.io", "v1", False)
REVIEWS = (SUBJECT_ACCESS, SUBJECT_RULES, SUBJECT)
"""Kinds that are answered and never stored."""

CUSTOM_RESOURCES = Resource(
    "CustomResourceDefinition", "customresourcedefinitions", "apiextensions.k8s.io", "v1", False
)
"""Listed by kubectl when it meets a kind that it does not know: there are none, and it goes on with the next object."""

REPLICATION_CONTROLLERS = Resource("ReplicationController", "replicationcontrollers", "", "v1", True)
DAEMONSETS = Resource("DaemonSet", "daemonsets", "apps", "v1", True)
"""Listed by `kubectl cluster-info dump`, whatever discovery says; of these, too, there are none."""

_IN_ALL = ("all",)
_SPECIAL = {
    PODS: Served(PODS, categories=_IN_ALL, subresources=_POD_SUBRESOURCES),
    SERVICES: Served(SERVICES, categories=_IN_ALL, subresources=_SERVICE_SUBRESOURCES),
    DEPLOYMENTS: Served(DEPLOYMENTS, categories=_IN_ALL, subresources=(SCALE, STATUS)),
    REPLICASETS: Served(REPLICASETS, categories=_IN_ALL, subresources=(SCALE, STATUS)),
    NODES: Served(NODES, subresources=_NODE_SUBRESOURCES),
    NAMESPACES: Served(
        NAMESPACES,
        tuple(verb for verb in _ALL_VERBS if verb != "deletecollection"),
        subresources=(Subresource("finalize", ("update",)), STATUS),
    ),
}

CATALOG: tuple[Served, ...] = (
    *(_SPECIAL.get(each) or Served(each) for each in sorted(RESOURCES, key=lambda each: each.plural)),
    Served(EVENTS_V1),
    *(Served(each, ("create",)) for each in REVIEWS),
)
"""Everything that is served and told to clients, by name."""

_UNTOLD = tuple(
    Served(each, ("get", "list", "watch")) for each in (CUSTOM_RESOURCES, DAEMONSETS, REPLICATION_CONTROLLERS)
)
"""What answers although discovery does not name it: nothing of the kind can be created."""

_GROUPS = ("", "apps", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "coordination.k8s.io")
"""Groups in the order of their priority (kube-aggregator's apiVersionPriorities), before those without a place here."""

_BY_PATH = {(each.resource.group, each.resource.version, each.resource.plural): each for each in (*CATALOG, *_UNTOLD)}


def groups() -> dict[str, list[str]]:
    """Return the versions of every group; the core group is ""."""
    found: dict[str, list[str]] = {group: [] for group in _GROUPS}
    for served in CATALOG:
        versions = found.setdefault(served.resource.group, [])
        if served.resource.version not in versions:
            versions.append(served.resource.version)
    return found


def served_in(group: str, version: str) -> list[Served]:
    """Return what a group has in a version, [] if it is not served."""
    return [each for each in CATALOG if (each.resource.group, each.resource.version) == (group, version)]


def find_served(group: str, version: str, plural: str) -> Served | None:
    """Return a resource by its path, None if it is not served."""
    return _BY_PATH.get((group, version, plural))

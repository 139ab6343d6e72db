"""The served resources: their verbs, subresources, categories and groups. Pure.

Routes and discovery are derived from here. Follows the discovery documents of a v1.37 kube-apiserver. The catalog does
not change while a cluster runs, as kubectl caches it for hours.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubeapi.kind import ALL_VERBS, Kind, Subresource
from kubeapi.kinds import KINDS
from kubeapi.scheme import Resource


@dataclass(frozen=True, slots=True)
class Served:
    """A resource with its verbs and subresources."""

    resource: Resource
    verbs: tuple[str, ...] = ALL_VERBS
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    stored: Resource | None = None
    """The resource under which the same objects are stored, if it is another one."""
    is_review: bool = False
    """Whether objects are answered at once, and never stored."""

    def subresource(self, name: str) -> Subresource | None:
        """Return a subresource by its name, None if there is none."""
        return next((each for each in self.subresources if each.name == name), None)


SCALES = Resource("Scale", "scales", "autoscaling", "v1", True)
"""The resource of the subresource ``scale``."""

SUBJECT_ACCESS = Resource("SelfSubjectAccessReview", "selfsubjectaccessreviews", "authorization.k8s.io", "v1", False)
SUBJECT_RULES = Resource("SelfSubjectRulesReview", "selfsubjectrulesreviews", "authorization.k8s.io", "v1", False)
SUBJECT = Resource("SelfSubjectReview", "selfsubjectreviews", "authentication.k8s.io", "v1", False)
_REVIEWS = (SUBJECT_ACCESS, SUBJECT_RULES, SUBJECT)

CUSTOM_RESOURCES = Resource(
    "CustomResourceDefinition", "customresourcedefinitions", "apiextensions.k8s.io", "v1", False
)
"""Listed by kubectl when it does not know a kind: the list is empty, and kubectl goes on with the next object."""


def _served(kind: Kind) -> tuple[Served, ...]:
    """Return a kind under its stored version and its others."""
    own = Served(kind.resource, kind.verbs, kind.categories, kind.subresources)
    return own, *(Served(each, kind.verbs, stored=kind.resource) for each in kind.other_versions)


CATALOG: tuple[Served, ...] = (
    *sorted((each for kinds in map(_served, KINDS) for each in kinds), key=lambda each: each.resource.plural),
    *(Served(each, ("create",), is_review=True) for each in _REVIEWS),
)
"""Everything that discovery tells, by name."""

_UNDISCOVERED = (Served(CUSTOM_RESOURCES, ("get", "list", "watch")),)
"""Served, although discovery does not name them; their objects cannot be created."""

_GROUPS = (
    "",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
)
"""Groups by priority (kube-aggregator's apiVersionPriorities); groups that are not here come last."""

_BY_PATH = {
    (each.resource.group, each.resource.version, each.resource.plural): each for each in (*CATALOG, *_UNDISCOVERED)
}


def groups() -> dict[str, list[str]]:
    """Return the versions of every group; the core group is ""."""
    found: dict[str, list[str]] = {group: [] for group in _GROUPS}
    for served in CATALOG:
        versions = found.setdefault(served.resource.group, [])
        if served.resource.version not in versions:
            versions.append(served.resource.version)
    return found


def served_in(group: str, version: str) -> list[Served]:
    """Return the resources of a group and version, [] if it is not served."""
    return [each for each in CATALOG if (each.resource.group, each.resource.version) == (group, version)]


def find_served(group: str, version: str, plural: str) -> Served | None:
    """Return a resource by its path, None if it is not served."""
    return _BY_PATH.get((group, version, plural))

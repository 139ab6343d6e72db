"""The served resources: their verbs, subresources, categories and groups. Pure.

Routes and discovery are derived from here. Follows the discovery documents of a v1.37 kube-apiserver. The built-in
part does not change while a cluster runs, as kubectl caches it for hours.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from kubeapi.apipriorities import BUILT_IN, CUSTOM, OWN, Priority
from kubeapi.apipriorities import METRICS as METRICS_PRIORITY
from kubeapi.customresources.definitions import CustomKinds
from kubeapi.customresources.resource import CustomResource
from kubeapi.extensions.apis import ExtensionAPIs
from kubeapi.kind import ALL_VERBS, Kind, Subresource
from kubeapi.kinds import KINDS, kind_of
from kubeapi.metrics.custom import DESCRIBED, GROUP, METRICS
from kubeapi.scheme import APISERVICES, INGRESSES, Resource


class Served(NamedTuple):
    """A resource with its verbs and subresources."""

    resource: Resource
    verbs: tuple[str, ...] = ALL_VERBS
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    stored: Resource | None = None
    """The resource under which the same objects are stored, if it is another one."""
    is_review: bool = False
    """Whether objects are answered at once, and never stored."""
    is_computed: bool = False
    """Whether objects are made for each answer, and never stored."""
    has_parts_only: bool = False
    """Whether there are only subresources: metrics of objects that another group has."""
    deprecation: str = ""
    """What every request is warned of, "" for a resource that is not deprecated."""

    @property
    def singular(self) -> str:
        """The resource's name for one object, "" if it has none."""
        if self.has_parts_only:
            return ""
        if isinstance(self.resource, CustomResource):
            return str(self.resource.definition.names["singular"])
        return self.resource.kind.lower()

    def subresource(self, name: str) -> Subresource | None:
        """Return a subresource by its name, None if there is none."""
        return next((each for each in self.subresources if each.name == name), None)


SCALES = Resource("Scale", "scales", "autoscaling", "v1", True)
"""The resource of the subresource ``scale``."""

SUBJECT_ACCESS = Resource("SelfSubjectAccessReview", "selfsubjectaccessreviews", "authorization.k8s.io", "v1", False)
SUBJECT_RULES = Resource("SelfSubjectRulesReview", "selfsubjectrulesreviews", "authorization.k8s.io", "v1", False)
SUBJECT = Resource("SelfSubjectReview", "selfsubjectreviews", "authentication.k8s.io", "v1", False)
ACCESS = Resource("SubjectAccessReview", "subjectaccessreviews", "authorization.k8s.io", "v1", False)
LOCAL_ACCESS = Resource("LocalSubjectAccessReview", "localsubjectaccessreviews", "authorization.k8s.io", "v1", True)
TOKENS = Resource("TokenReview", "tokenreviews", "authentication.k8s.io", "v1", False)
_REVIEWS = (ACCESS, LOCAL_ACCESS, SUBJECT_ACCESS, SUBJECT_RULES, SUBJECT, TOKENS)

NODE_METRICS = Resource("NodeMetrics", "nodes", "metrics.k8s.io", "v1beta1", False)
POD_METRICS = Resource("PodMetrics", "pods", "metrics.k8s.io", "v1beta1", True)
COMPONENT_STATUSES = Resource("ComponentStatus", "componentstatuses", "", "v1", False, ("cs",))
_DEPRECATED = "v1 ComponentStatus is deprecated in v1.19+"
CUSTOM_METRICS = tuple(
    Resource("MetricValueList", str(each), GROUP, version, True)
    for version in ("v1beta2", "v1beta1")
    for each in DESCRIBED
)


def _metrics_of(resource: Resource) -> tuple[Subresource, ...]:
    """Return the metrics of objects as subresources; what asks an Ingress are requests."""
    is_ingress = resource.plural == str(INGRESSES)
    names = [name for name, each in METRICS.items() if each.is_http or not is_ingress]
    return tuple(Subresource(each, ("get",), resource.kind) for each in names)


_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
"""The verbs of custom resources, in the order of a kube-apiserver."""
_WHILE_TERMINATING = ("delete", "deletecollection", "get", "list", "watch")


def _served(kind: Kind) -> tuple[Served, ...]:
    """Return a kind under its stored version and its others."""
    own = Served(kind.resource, kind.verbs, kind.categories, kind.subresources, deprecation=kind.deprecation)
    return own, *(own._replace(resource=each, stored=kind.resource) for each in kind.other_versions)


CATALOG: tuple[Served, ...] = (
    *sorted((each for kinds in map(_served, KINDS) for each in kinds), key=lambda each: each.resource.plural),
    *(Served(each, ("create",), is_review=True) for each in _REVIEWS),
    *(Served(each, ("get", "list"), is_computed=True) for each in (NODE_METRICS, POD_METRICS)),
    Served(COMPONENT_STATUSES, ("get", "list"), is_computed=True, deprecation=_DEPRECATED),
    *(Served(each, (), subresources=_metrics_of(each), has_parts_only=True) for each in CUSTOM_METRICS),
)
"""Everything that discovery tells, by name."""

_BY_PATH = {(each.resource.group, each.resource.version, each.resource.plural): each for each in CATALOG}


class Catalog:
    """What a cluster serves: what is built in, what its CustomResourceDefinitions say, and what others answer for."""

    def __init__(self, customs: CustomKinds, extensions: ExtensionAPIs) -> None:
        self.customs = customs
        self.extensions = extensions

    def groups(self) -> dict[str, list[str]]:
        """Return the versions of every group, the preferred one first, the groups by priority; the core group is ""."""
        found = dict(_PRIORITIES)
        for each in self.customs.established():
            found.setdefault((each.group, each.version), CUSTOM)
        for api in self.extensions.all():
            found[api.group, api.version] = Priority(api.group_priority, api.version_priority)
        highest: dict[str, int] = {}
        for (group, _), priority in found.items():
            highest[group] = max(priority.group, highest.get(group, 0))
        ordered: dict[str, list[str]] = {
            group: [] for group in sorted(highest, key=lambda each: (-highest[each], each))
        }
        for group, version in sorted(found, key=lambda each: (-found[each].version, version_rank(each[1]))):
            ordered[group].append(version)
        return ordered

    def served_in(self, group: str, version: str) -> list[Served]:
        """Return the resources of a group and version, [] if it is not served."""
        own = [each for each in CATALOG if (each.resource.group, each.resource.version) == (group, version)]
        customs = [each for each in self.customs.established() if (each.group, each.version) == (group, version)]
        return [*own, *map(_discovered, customs)]

    def find(self, group: str, version: str, plural: str) -> Served | None:
        """Return a resource by its path, None if it is not served."""
        found = _BY_PATH.get((group, version, plural))
        if found is not None:
            return found
        custom = self.customs.find(group, version, plural)
        return None if custom is None else _served(kind_of(custom))[0]


_PRIORITIES = {
    **{(each.resource.group, each.resource.version): METRICS_PRIORITY for each in CATALOG},
    (APISERVICES.group, APISERVICES.version): OWN,
    **BUILT_IN,
}
"""The priorities of what is built in."""


def _discovered(custom: CustomResource) -> Served:
    """Return a custom resource as discovery tells of it: while its definition is deleted nothing new can be made."""
    served = _served(kind_of(custom))[0]
    return served._replace(verbs=_WHILE_TERMINATING if custom.definition.is_terminating else _VERBS)


_VERSION = re.compile(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?")
_STAGES = {None: 0, "beta": 1, "alpha": 2}


def version_rank(version: str) -> tuple[object, ...]:
    """Return the sort key of a version: v2, v1, v1beta2, v1beta1, v1alpha1, then others by name (KubeAware order)."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return (3, 0, 0, version)
    return (_STAGES[found[2]], -int(found[1]), -int(found[3] or 0), version)

"""``Kind``: the rules of one kind of objects. There is one for each in ``kubeapi.kinds``.

The Registry and the API server use these fields and never name a kind. Most fields are those of the strategies in
k8s.io/kubernetes ``pkg/registry`` (``rest.RESTCreateStrategy``, ``RESTUpdateStrategy``, ``RESTDeleteStrategy``).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from kubeapi.allocation.allocator import Allocator
from kubeapi.meta import JSON, ObjectKey
from kubeapi.quota.countable import COUNTED, Countable
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import Resource
from kubeapi.status import FieldError
from kubeapi.store import Store
from kubeapi.validation.faults import Faults
from kubeapi.validation.names import dns1123_subdomain

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_PART_VERBS = ("get", "patch", "update")


class Objects(Protocol):
    """The stored objects, for reading."""

    def find(self, resource: Resource, key: ObjectKey) -> JSON | None:
        """Return an object, None if it is not there."""

    def list(self, resource: Resource, namespace: str = "") -> list[JSON]:
        """Return the objects of one namespace, or of all ("")."""


Change = Callable[[JSON], None]
"""Changes an object in place."""


class Subresource(NamedTuple):
    """A part of an object with a path of its own. ``kind`` "" is the resource's own kind."""

    name: str
    verbs: tuple[str, ...] = _PART_VERBS
    kind: str = ""
    group: str = ""
    version: str = ""


STATUS = Subresource("status")
SCALE = Subresource("scale", kind="Scale", group="autoscaling", version="v1")


class ScalePaths(NamedTuple):
    """Where an object has its number of replicas, wanted and present, and its selector as text, () for none."""

    wanted: tuple[str, ...]
    present: tuple[str, ...]
    selector: tuple[str, ...] = ()


class Part(NamedTuple):
    """A part of an object that only a subresource changes.

    ``merged(new, old)`` returns the old spec with the new one's part, ``validate(new, old)`` judges the change.
    """

    merged: Callable[[JSON, JSON], JSON]
    validate: Callable[[JSON, JSON], Faults]


def _no_change(obj: JSON) -> None:
    """Leave the object as it is."""


def _no_admission(new: JSON, old: JSON | None, objects: Objects) -> None:
    """Admit the object as it is."""


def _no_preparation(new: JSON, old: JSON) -> None:
    """Leave the new object as it is."""


def _valid(obj: JSON) -> Faults:
    """Find no fault."""
    return iter(())


def _valid_update(new: JSON, old: JSON) -> Faults:
    """Find no fault."""
    return iter(())


def _no_grace(obj: JSON, asked: int | None) -> int:
    return 0


def _metadata_finalizers(obj: JSON) -> list[str]:
    return obj["metadata"].get("finalizers") or []


def _no_warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> Iterable[FieldError]:
    return ()


def _is_deletable(name: str) -> str:
    return ""


def _claims_nothing(obj: JSON) -> bool:
    return False


def content_of(obj: JSON) -> JSON:
    """Return everything but metadata and status: what an author decides, for ``Kind.desired_state``."""
    return {name: value for name, value in obj.items() if name not in ("metadata", "status")}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Kind:
    """The rules of one kind. The defaults are what most kinds do."""

    resource: Resource

    # What is served (discovery, selectors, openapi).
    verbs: tuple[str, ...] = ALL_VERBS
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    field_labels: tuple[str, ...] = ()
    """Fields that a fieldSelector may name, beside name and namespace."""
    other_versions: tuple[Resource, ...] = ()
    """Versions under which the same objects are served, converted."""
    deprecation: str = ""
    """What every request is warned of, "" for a kind that is not deprecated (APILifecycleDeprecated)."""

    # Create and update.
    set_defaults: Change = _no_change
    """Fill in what a manifest left out (``SetDefaults_*``); looks at no other object."""
    admit: Callable[[JSON, JSON | None, Objects], None] = _no_admission
    """``admit(new, old, objects)``: complete or refuse (StatusError) as the admission plug-ins do; ``old`` None: new.
    A new object whose name will be generated has none yet."""
    review: Callable[[JSON, JSON | None, Objects], None] = _no_admission
    """``review(new, old, objects)``: refuse what validating admission plug-ins refuse, after the validation."""
    countable: Countable = COUNTED
    """What objects take of a ResourceQuota."""
    prepare_for_create: Change = _no_change
    """Set what only the server sets in a new object, its first status above all."""
    prepare_for_update: Callable[[JSON, JSON], None] = _no_preparation
    """``prepare_for_update(new, old)``: keep what an update may not change without saying so."""
    has_own_status: bool = True
    """Whether only the subresource writes the status; otherwise it is a field like the others."""
    accepts_status: bool = False
    """Whether a new object keeps the status that it comes with."""
    desired_state: Callable[[JSON], object] | None = None
    """What raises metadata.generation when it changes; None for a kind that counts no generations."""
    allows_create_on_update: bool = False
    """Whether a PUT creates an object that is not there."""
    allows_unconditional_update: bool = True
    """Whether an update may leave out the resourceVersion."""
    allocator: Callable[[RegistryConfig, random.Random, Store], Allocator] | None = None
    scale_paths: ScalePaths | None = None
    """Where the subresource ``scale`` finds the replicas; None for those of the workloads of apps/v1."""
    parts: Mapping[str, Part] = field(default_factory=dict)
    """The parts that only a subresource changes, by its name."""

    # Status.
    set_status_defaults: Change = _no_change
    prepare_for_status_update: Callable[[JSON, JSON], None] = _no_preparation
    """``prepare_for_status_update(new, old)``: keep what a write of the status may not clear."""
    status_keeps: frozenset[str] = frozenset()
    """Fields of metadata that a write of the status leaves as they are, beside those that no client writes."""

    # Validation.
    validate_name: Callable[[str], tuple[str, ...]] = dns1123_subdomain
    """Return what is wrong with a name."""
    requires_known_finalizers: bool = True
    """Whether a finalizer without a domain has to be one of Kubernetes' own."""
    validate: Callable[[JSON], Faults] = _valid
    """Yield the faults of an object that is decoded and defaulted, but for those of its metadata."""
    validate_create: Callable[[JSON], Faults] = _valid
    """Yield what only a new object may not have."""
    validate_update: Callable[[JSON, JSON], Faults] = _valid_update
    """``validate_update(new, old)``: yield what may not change."""
    validate_status: Callable[[JSON], Faults] = _valid
    validate_status_update: Callable[[JSON, JSON], Faults] = _valid_update
    """``validate_status_update(new, old)``: yield what may not change in the status, or not in this way."""
    lists_update_faults_first: bool = False
    """Whether an error names what may not change before what may not be."""
    warnings: Callable[[JSON | None, JSON, RegistryConfig], Iterable[FieldError]] = _no_warnings
    """``warnings(before, after, config)``: what the writer is warned of; ``before`` None: created; both as stored."""

    # Deletion.
    grace_seconds: Callable[[JSON, int | None], int] = _no_grace
    """``grace_seconds(obj, asked)``: seconds that an object has to end; ``asked`` None: the client does not say."""
    finalizers: Callable[[JSON], list[str]] = _metadata_finalizers
    """Return what has to be done before the object goes."""
    deletion_refusal: Callable[[str], str] = _is_deletable
    """Return why an object of a name cannot be deleted, "" if it can."""
    begin_deletion: Change = _no_change
    """Mark an object at the beginning of its deletion."""
    returns_deleted: bool = False
    """Whether DELETE answers with the object rather than a Status."""
    orphans_dependents: bool = False
    """Whether a DELETE that names no policy leaves the dependents without an owner, rather than to delete them."""
    deletion_warning: str = ""
    """What a client is warned of whose DELETE names no policy."""

    # What others do with objects of the kind.
    apply_rank: int = 100
    """Kinds of a lower rank are applied first: what others need. Namespaces have 0, Nodes 10, what pods read 20,
    Services 30, endpoints 40 and 50, pods 60, what makes pods 70 and 80; 100 is for what nothing needs."""
    reviews_writes: bool = False
    """Whether an object says how later writes are reviewed, so that it matters which ones come after it."""
    claims: Callable[[JSON], bool] = _claims_nothing
    """Tell whether a manifest, which may be faulty, claims something that an allocator could give to another one."""
    pod_spec: tuple[str, ...] = ()
    """The path of a pod's spec in an object, () for a kind without one."""
    is_authored: bool = True
    """Whether users write such objects down, rather than the cluster's components."""
    is_record: bool = False
    """Whether an object only tells what happened (Event): it is not kept on disk, and nothing depends on it."""
    requires_spec: bool = False
    """Whether a stored object always has a spec."""

    @property
    def is_scalable(self) -> bool:
        """Whether objects have a number of replicas to set."""
        return SCALE in self.subresources

    @property
    def makes_pods(self) -> bool:
        """Whether a controller makes pods from the template of an object."""
        return self.pod_spec[:1] == ("spec",) and "template" in self.pod_spec

"""The Registry: a write is read, filled in, checked, given what only the server can give, and stored.

All of that is one transaction: any failure gives everything back. Follows apiserver ``registry/generic/registry``
and ``registry/rest``. Pure: the clock and the random source are passed in.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from typing import Literal

from kubeapi.allocators import Transaction
from kubeapi.defaults import set_defaults, set_status_defaults
from kubeapi.faults import Subject
from kubeapi.meta import (
    JSON,
    NAME_SUFFIX_ALPHABET,
    ObjectKey,
    annotations_of,
    copy_object,
    format_time,
    is_terminating,
    key_of,
    parse_time,
)
from kubeapi.patch import three_way_patch
from kubeapi.registry.config import RegistryConfig
from kubeapi.registry.podadmission import admit_pod
from kubeapi.registry.podparts import POD_PARTS
from kubeapi.registry.services import ServiceAllocator, wipe_useless
from kubeapi.registry.strategy import IMMORTAL_NAMESPACES, merged_metadata, set_generation, set_initial_status
from kubeapi.schema import struct_of
from kubeapi.scheme import CONFIGMAPS, DEPLOYMENTS, NAMESPACES, NODES, PODS, REPLICASETS, SERVICES, Resource
from kubeapi.status import (
    AlreadyExists,
    BadRequest,
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NoSubresource,
    NotFound,
    StatusError,
)
from kubeapi.store import Store
from kubeapi.strategicpatch import strategic_merge
from kubeapi.strict import complete, decode
from kubeapi.validation import validate, validate_creation, validate_status, validate_update
from kubeapi.validation.faults import forbidden, go_value, invalid
from kubeapi.validation.metadata import validate_metadata

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which kubectl apply keeps the manifest that it applied last."""

_NAME_ATTEMPTS = 8
"""Generated names that are tried before the request fails (KEP-4420)."""

_LONGEST_NAME_BASE = 58
"""Characters of generateName that are kept, so that the name is one DNS label (MaxGeneratedNameLength)."""

_to_json = json.JSONEncoder(separators=(",", ":"), sort_keys=True, ensure_ascii=False, check_circular=False).encode
_CHANGES_FIRST = (SERVICES, CONFIGMAPS)
"""Kinds of which what may not change is told before what may not be."""
_SERVER_FIELDS = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generateName")


class Registry:
    """Creates, updates and deletes objects by Kubernetes' rules. Reading is ``store``'s.

    Every method raises StatusError and nothing else, whatever it is given. With ``dry_run`` it answers as it would
    have, and nothing has changed.
    """

    def __init__(self, store: Store, config: RegistryConfig, *, clock: Callable[[], float], rng: random.Random) -> None:
        self.store = store
        self.config = config
        self.rng = rng
        self._clock = clock
        self.allocator = ServiceAllocator(config, rng)
        self.new_transaction: Callable[[], Transaction] = Transaction
        for service in store.list(SERVICES):
            with store.faults.guard("kube-apiserver (allocators)", Subject(SERVICES, key_of(service))):
                self.allocator.adopt(service)

    def create(self, resource: Resource, obj: JSON, *, dry_run: bool = False) -> JSON:
        """Store a new object and return it. A status that comes with it is dropped, but for a Node's."""
        return self._create(resource, _read(resource, obj), dry_run=dry_run)

    def create_typed(self, resource: Resource, obj: JSON, *, dry_run: bool = False) -> JSON:
        """Store a new object that is decoded already, and becomes the Store's."""
        return self._create(resource, _identified(resource, obj), dry_run=dry_run)

    def _create(self, resource: Resource, new: JSON, *, dry_run: bool) -> JSON:
        """Create an object from what was read of it, which becomes the Store's."""
        metadata = new["metadata"]
        for field in ("deletionTimestamp", "deletionGracePeriodSeconds"):
            metadata.pop(field, None)
        self._check_namespace(resource, metadata)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = self._generate_name(resource, metadata)
        metadata["uid"] = str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
        metadata["creationTimestamp"] = format_time(self._clock())
        set_defaults(resource, new)
        if resource is PODS:
            admit_pod(new, None, self._find_node)
        set_initial_status(resource, new)
        complete(resource, new)
        set_generation(resource, new, None)
        return self._write(resource, new, None, dry_run=dry_run)

    def update(self, resource: Resource, obj: JSON, *, dry_run: bool = False) -> JSON:
        """Replace everything but the status; a changed spec gets the next generation.

        Conflict if the object states another uid or resourceVersion than the stored one has. Removing the last
        finalizer of an object that waits for nothing else deletes it.
        """
        return self.update_typed(resource, _read(resource, obj), dry_run=dry_run)

    def update_typed(self, resource: Resource, obj: JSON, *, dry_run: bool = False) -> JSON:
        """Replace an object by one that is decoded already, and becomes the Store's."""
        new = _identified(resource, obj)
        stored = self._find_stored(resource, new)
        metadata, before = new["metadata"], stored["metadata"]
        _check_version(resource, metadata, before)
        for field in _SERVER_FIELDS:
            if field in before:
                metadata[field] = before[field]
        if "status" in stored:
            new["status"] = stored["status"]
        else:
            new.pop("status", None)
        if resource is NAMESPACES and not is_terminating(stored):
            new["spec"] = stored["spec"]
        set_defaults(resource, new)
        if resource is PODS:
            admit_pod(new, stored, self._find_node)
        complete(resource, new)
        set_generation(resource, new, stored)
        written = self._write(resource, new, stored, dry_run=dry_run)
        return self._finish_deletion(resource, written, dry_run=dry_run)

    def update_status(
        self, resource: Resource, obj: JSON, *, dry_run: bool = False, metadata: JSON | None = None
    ) -> JSON:
        """Replace nothing but the status. Conflict if the object states another uid than the stored one has.

        ``metadata`` replaces, where the writer has some, what anybody may write of the stored one: its labels (but a
        Deployment's), annotations, finalizers, owners (but a Pod's) and the note of who wrote what.
        """
        if "status" not in struct_of(resource).fields:
            raise NoSubresource
        read = _read(resource, obj)
        stored = self._find_stored(resource, read)
        _check_uid(resource, read["metadata"], stored["metadata"])
        set_status_defaults(resource, read)
        new = {**stored, "status": read.get("status", {})}
        if metadata is not None:
            _check_version(resource, read["metadata"], stored["metadata"])
            given = _read(resource, {"metadata": metadata})["metadata"]
            new["metadata"] = merged_metadata(resource, given, stored["metadata"])
        complete(resource, new)
        faults = validate_status(resource, new)
        if metadata is not None:
            faults = [*_changed_metadata(new, stored), *validate_metadata(resource, new), *faults]
        if faults:
            raise Invalid(resource, new["metadata"]["name"], tuple(faults))
        if dry_run:
            return new
        return self._finish_deletion(resource, self.store.update(resource, new), dry_run=False)

    def update_pod_part(self, part: str, obj: JSON, *, dry_run: bool = False) -> JSON:
        """Replace a part of a pod that has a subresource of its own, one of POD_PARTS, and the note of who wrote it."""
        read = _read(PODS, obj)
        stored = self._find_stored(PODS, read)
        _check_version(PODS, read["metadata"], stored["metadata"])
        metadata = dict(stored["metadata"])
        if "managedFields" in read["metadata"]:
            metadata["managedFields"] = read["metadata"]["managedFields"]
        rule = POD_PARTS[part]
        new = copy_object({**stored, "metadata": metadata, "spec": rule.merged(read["spec"], stored["spec"])})
        set_defaults(PODS, new)
        complete(PODS, new)
        set_generation(PODS, new, stored)
        faults = [*validate(PODS, new, self.config.balancers), *rule.validate(new, stored)]
        if faults:
            raise Invalid(PODS, metadata["name"], tuple(faults))
        return self._store(PODS, new, stored, dry_run=dry_run)

    def scale(self, resource: Resource, namespace: str, name: str, replicas: int, *, dry_run: bool = False) -> JSON:
        """Set the replicas of a Deployment or ReplicaSet."""
        if resource not in (DEPLOYMENTS, REPLICASETS):
            raise NoSubresource
        stored = self.store.get(resource, namespace, name)
        return self.update(resource, {**stored, "spec": {**stored["spec"], "replicas": replicas}}, dry_run=dry_run)

    def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        grace_period_seconds: int | None = None,
        uid: str = "",
        resource_version: str = "",
        dry_run: bool = False,
    ) -> JSON:
        """Delete an object, or begin to, and return its last state.

        A running pod only begins to terminate (its kubelet deletes it with grace 0), an object with finalizers waits
        until the last is removed, a Namespace until its contents are gone. Conflict if ``uid`` or
        ``resource_version`` are given and are not the stored object's.
        """
        stored = self.store.get(resource, namespace, name)
        _check_preconditions(resource, stored, uid, resource_version)
        if resource is NAMESPACES and name in IMMORTAL_NAMESPACES[:3]:
            raise Forbidden(resource, name, "this namespace may not be deleted")
        grace = _grace_of(stored, grace_period_seconds) if resource is PODS else 0
        if grace == 0 and not _must_wait(resource, stored):
            return stored if dry_run else self._remove(resource, stored)
        if is_terminating(stored) and grace >= stored["metadata"].get("deletionGracePeriodSeconds", 0):
            return stored
        marked = self._mark_deleted(resource, stored, grace)
        return marked if dry_run else self.store.update(resource, marked)

    def apply(
        self, resource: Resource, obj: JSON, *, dry_run: bool = False
    ) -> tuple[JSON, Literal["created", "configured", "unchanged"]]:
        """Create the object, or change the stored one as ``kubectl apply`` would: fields others set stay."""
        manifest = _read(resource, obj)
        annotations = manifest["metadata"].setdefault("annotations", {})
        annotations.pop(LAST_APPLIED, None)
        manifest.pop("status", None)
        annotations[LAST_APPLIED] = _to_json(manifest) + "\n"
        stored = self.store.find(resource, key_of(manifest)) if manifest["metadata"].get("name") else None
        if stored is None:
            # A manifest that was written by `kubectl get -o yaml` is welcome here.
            manifest["metadata"].pop("resourceVersion", None)
            return self._create(resource, manifest, dry_run=dry_run), "created"
        known = struct_of(resource)
        original = _last_applied(stored)
        patch = three_way_patch(original, manifest, stored, known)
        if not patch:
            return stored, "unchanged"
        new = self.update(resource, strategic_merge(stored, patch, known), dry_run=dry_run)
        return new, "unchanged" if new == stored else "configured"

    def name_suffix(self) -> str:
        """Return five letters for a generated name."""
        return "".join(self.rng.choices(NAME_SUFFIX_ALPHABET, k=5))

    def _find_stored(self, resource: Resource, read: JSON) -> JSON:
        metadata = read["metadata"]
        return self.store.get(resource, metadata.get("namespace", ""), metadata.get("name", ""))

    def _find_node(self, name: str) -> JSON | None:
        return self.store.find(NODES, ObjectKey("", name))

    def _check_namespace(self, resource: Resource, metadata: JSON) -> None:
        """Refuse a new object whose namespace is not there, or is going."""
        if not resource.namespaced:
            return
        name = metadata["namespace"]
        namespace = self.store.find(NAMESPACES, ObjectKey("", name))
        if namespace is None and name not in IMMORTAL_NAMESPACES:
            raise NotFound(NAMESPACES, name)
        if namespace is not None and is_terminating(namespace):
            detail = f"unable to create new content in namespace {name} because it is being terminated"
            raise Forbidden(resource, metadata.get("name", ""), detail)

    def _generate_name(self, resource: Resource, metadata: JSON) -> str:
        for _ in range(_NAME_ATTEMPTS):
            name: str = metadata["generateName"][:_LONGEST_NAME_BASE] + self.name_suffix()
            if self.store.find(resource, ObjectKey(metadata.get("namespace", ""), name)) is None:
                break
        return name

    def _write(self, resource: Resource, new: JSON, old: JSON | None, *, dry_run: bool) -> JSON:
        """Judge an object and store it; a Service is allocated for before, as the real server does."""
        if resource is not SERVICES:
            self._judge(resource, new, old)
            return self._store(resource, new, old, dry_run=dry_run)
        transaction = self.new_transaction()
        try:
            faults = self.allocator.allocate(new, old, transaction)
            if faults:
                raise Invalid(resource, new["metadata"].get("name", ""), tuple(faults))
            if old is not None:
                wipe_useless(new, old)
                self.allocator.free_unused(new["spec"], old["spec"], transaction)
            self._judge(resource, new, old)
            written = self._store(resource, new, old, dry_run=dry_run)
        except BaseException:
            transaction.rollback()
            raise
        if dry_run:
            transaction.rollback()
        else:
            transaction.commit()
        return written

    def _judge(self, resource: Resource, new: JSON, old: JSON | None) -> None:
        """Raise Invalid if an object has faults, AlreadyExists if a new one has the name of another."""
        name = new["metadata"].get("name", "")
        if old is None:
            faults = [*validate(resource, new, self.config.balancers), *validate_creation(resource, new)]
        else:
            changes = [*_changed_metadata(new, old), *validate_update(resource, new, old)]
            faults = validate(resource, new, self.config.balancers)
            faults = [*changes, *faults] if resource in _CHANGES_FIRST else [*faults, *changes]
        if faults:
            raise Invalid(resource, name, tuple(faults))
        if old is None and self.store.find(resource, key_of(new)) is not None:
            raise AlreadyExists(resource, name)

    def _store(self, resource: Resource, new: JSON, old: JSON | None, *, dry_run: bool) -> JSON:
        if old is not None:
            return new if dry_run else self.store.update(resource, new)
        version = new["metadata"].pop("resourceVersion", "")
        if dry_run:
            return new
        if version.isdecimal() and int(version):
            raise StatusError(500, "", "resourceVersion should not be set on objects to be created")
        return self.store.create(resource, new)

    def _remove(self, resource: Resource, stored: JSON) -> JSON:
        last = self.store.delete(resource, *key_of(stored))
        if resource is SERVICES:
            self.allocator.release(last)
        return last

    def _mark_deleted(self, resource: Resource, stored: JSON, grace: int) -> JSON:
        """Return the object with its deletion begun; a second deletion counts from the first."""
        marked = copy_object(stored)
        metadata = marked["metadata"]
        begun = self._clock()
        if is_terminating(stored):
            begun = parse_time(metadata["deletionTimestamp"]) - metadata.get("deletionGracePeriodSeconds", 0)
        elif metadata.get("generation"):
            metadata["generation"] += 1  # an object that is to go is another wish (registry/rest BeforeDelete)
        metadata["deletionTimestamp"] = format_time(begun + grace)
        metadata["deletionGracePeriodSeconds"] = grace
        if resource is NAMESPACES:
            marked["status"] = {**marked.get("status", {}), "phase": "Terminating"}
        return marked

    def _finish_deletion(self, resource: Resource, written: JSON, *, dry_run: bool) -> JSON:
        """Remove an object whose deletion waited for nothing but what this update took away."""
        metadata = written["metadata"]
        is_due = is_terminating(written) and not metadata.get("deletionGracePeriodSeconds")
        if dry_run or not is_due or _must_wait(resource, written):
            return written
        return self._remove(resource, written)


def _read(resource: Resource, obj: JSON) -> JSON:
    """Return a typed copy of the object, with kind and namespace; BadRequest for fields of the wrong type."""
    decoded = decode(resource, obj)
    if decoded.mistyped:
        detail = ", ".join(fault.message for fault in decoded.mistyped)
        raise BadRequest(resource, detail, tuple(decoded.mistyped))
    return _identified(resource, decoded.object)


def _identified(resource: Resource, obj: JSON) -> JSON:
    """Return the object with kind and namespace filled in; BadRequest for another kind than the resource's."""
    for field, expected in (("kind", resource.kind), ("apiVersion", resource.api_version)):
        if obj.setdefault(field, expected) != expected:
            raise BadRequest(resource, f"{field} is {obj[field]}, not {expected}")
    metadata = obj.setdefault("metadata", {})
    if resource.namespaced and not metadata.get("namespace"):
        metadata["namespace"] = "default"
    return obj


def _check_uid(resource: Resource, metadata: JSON, stored: JSON) -> None:
    wanted = metadata.get("uid")
    if wanted and wanted != stored["uid"]:
        detail = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {stored['uid']}"
        raise Conflict(resource, stored["name"], detail)


def _check_version(resource: Resource, metadata: JSON, stored: JSON) -> None:
    _check_uid(resource, metadata, stored)
    if metadata.get("resourceVersion") not in (None, "", stored["resourceVersion"]):
        raise Conflict(resource, stored["name"])
    metadata["resourceVersion"] = stored["resourceVersion"]


def _check_preconditions(resource: Resource, stored: JSON, uid: str, version: str) -> None:
    metadata = stored["metadata"]
    if uid and uid != metadata["uid"]:
        detail = f"the UID in the precondition ({uid}) does not match the UID in record ({metadata['uid']})."
        raise Conflict(resource, metadata["name"], f"{detail} The object might have been deleted and then recreated")
    if version and version != metadata["resourceVersion"]:
        detail = (
            f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record"
            f" ({metadata['resourceVersion']}). The object might have been modified"
        )
        raise Conflict(resource, metadata["name"], detail)


def _grace_of(pod: JSON, asked: int | None) -> int:
    """Return the seconds that a pod has to end: none before it runs anywhere, or when it is over."""
    spec, phase = pod.get("spec", {}), pod.get("status", {}).get("phase")
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    grace: int = spec.get("terminationGracePeriodSeconds", 30) if asked is None else asked
    return 1 if grace < 0 else grace


def _must_wait(resource: Resource, obj: JSON) -> bool:
    """Tell whether somebody still has to do something before the object may go."""
    if resource is NAMESPACES and obj.get("spec", {}).get("finalizers"):
        return True
    return bool(obj["metadata"].get("finalizers"))


def _changed_metadata(new: JSON, old: JSON) -> list[FieldError]:
    """Return what may not change of metadata: a deletion is not begun by writing its time, and takes no finalizers."""
    if not is_terminating(old):
        metadata = new["metadata"]
        given = [each for each in ("deletionTimestamp", "deletionGracePeriodSeconds") if each in metadata]
        return [invalid(f"metadata.{each}", metadata[each], "field is immutable") for each in given]
    before = old["metadata"].get("finalizers", ())
    added = sorted(each for each in new["metadata"].get("finalizers", ()) if each not in before)
    if not added:
        return []
    detail = f"no new finalizers can be added if the object is being deleted, found new finalizers {go_value(added)}"
    return [forbidden("metadata.finalizers", detail)]


def _last_applied(stored: JSON) -> JSON:
    """Return the manifest that was applied last, ``{}`` when there is none that can be read."""
    try:
        original = json.loads(annotations_of(stored).get(LAST_APPLIED, "{}"))
    except ValueError:
        return {}
    return original if isinstance(original, dict) else {}

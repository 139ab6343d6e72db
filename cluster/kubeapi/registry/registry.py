"""The Registry: decodes, completes and validates what is written, sets what only the server sets, and stores it.

All of that is one transaction: a failure changes nothing. The rules of each kind are in its ``Kind``.
Follows apiserver ``registry/generic/registry`` and ``registry/rest``. Pure: the clock and the random source are passed
in.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable

from kubeapi.allocation.allocator import Allocator
from kubeapi.allocation.pools import Transaction
from kubeapi.customresources.conversion.versions import as_stored
from kubeapi.failures import Subject
from kubeapi.kind import Kind
from kubeapi.kinds import KINDS, kind_of
from kubeapi.meta import JSON, copy_object, is_terminating, key_of
from kubeapi.quota.charging import charge
from kubeapi.registry.admission import ADMIT_ALL, Action, Admission, mutated_new, new_action
from kubeapi.registry.creation import check_namespace, identified, read_object, set_generated_name
from kubeapi.registry.metadata import is_due, kept_metadata, mark_deleted, new_identity, set_generation
from kubeapi.registry.preconditions import (
    NO_OPTIONS,
    DeleteOptions,
    check_preconditions,
    check_uid,
    check_version,
    find_stored,
)
from kubeapi.registry.statuses import complete_typed, has_status, keep_status, with_status
from kubeapi.registry.validating import check_name, check_object, object_faults, status_faults
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import Resource
from kubeapi.status import Invalid, NoSubresource, StatusError
from kubeapi.store import Store


class Registry:
    """Creates, updates and deletes objects by Kubernetes' rules. Reading is ``store``'s.

    Every method raises StatusError and nothing else, for any input; one that acts for a user whose writes webhooks
    review may raise CallNeeded. With ``dry_run`` the answer is the same and nothing changes.
    """

    admission: Admission = ADMIT_ALL

    def __init__(self, store: Store, config: RegistryConfig, *, clock: Callable[[], float], rng: random.Random) -> None:
        self.store = store
        self.config = config
        self.rng = rng
        self._clock = clock
        self.allocators: dict[Resource, Allocator] = {
            each.resource: each.allocator(config, rng, store) for each in KINDS if each.allocator is not None
        }
        self.new_transaction: Callable[[], Transaction] = Transaction
        for resource, allocator in self.allocators.items():
            for obj in store.list(resource):
                with store.failures.guard("kube-apiserver (allocators)", Subject(resource, key_of(obj))):
                    allocator.adopt(obj)

    def acting(self, admission: Admission) -> Registry:
        """Return the same Registry for a user whose writes ``admission`` admits."""
        acting = copy.copy(self)
        acting.admission, acting.rng = admission, admission.rng or self.rng
        return acting

    def create(self, resource: Resource, obj: JSON, *, dry_run: bool = False) -> JSON:
        """Store a new object and return it. A status that comes with it is dropped unless its kind accepts one."""
        return self.create_typed(resource, read_object(resource, obj), dry_run=dry_run)

    def create_typed(self, resource: Resource, obj: JSON, *, dry_run: bool = False) -> JSON:
        """Store a new object that is decoded already, and becomes the Store's."""
        kind, new = kind_of(resource), identified(resource, obj)
        metadata = new["metadata"]
        for field in ("deletionTimestamp", "deletionGracePeriodSeconds"):
            metadata.pop(field, None)
        check_namespace(self.store, resource, metadata)
        identity = new_identity(self.rng, self._clock())
        metadata |= identity
        kind.set_defaults(new)
        kind.admit(new, None, self.store)
        if self.admission is not ADMIT_ALL:
            new = mutated_new(self.admission, new_action(resource, new, None, dry_run=dry_run), new, identity)
            metadata = new["metadata"]
        set_generated_name(self.store, resource, metadata, self.rng)
        if kind.has_own_status and not kind.accepts_status:
            new.pop("status", None)
        kind.prepare_for_create(new)
        complete_typed(resource, new)
        set_generation(kind, new, None)
        return self._write(kind, new, None, dry_run=dry_run)

    def update(self, resource: Resource, obj: JSON, *, dry_run: bool = False) -> JSON:
        """Replace everything but the status; a change of the desired state raises the generation.

        Conflict if the object states another uid or resourceVersion than the stored one has. Removing the last
        finalizer of an object that waits for nothing else deletes it.
        """
        return self.update_typed(resource, read_object(resource, obj), dry_run=dry_run)

    def update_typed(self, resource: Resource, obj: JSON, *, dry_run: bool = False) -> JSON:
        """Replace an object by one that is decoded already, and becomes the Store's."""
        kind, new = kind_of(resource), identified(resource, obj)
        stored = find_stored(self.store, resource, new)
        check_version(resource, new["metadata"], stored["metadata"])
        new["metadata"] |= kept_metadata(stored)
        new = self.admission.mutated(new_action(resource, new, stored, dry_run=dry_run), new, stored)
        if kind.has_own_status:
            keep_status(new, stored)
        kind.prepare_for_update(new, stored)
        kind.set_defaults(new)
        kind.admit(new, stored, self.store)
        complete_typed(resource, new)
        set_generation(kind, new, stored)
        written = self._write(kind, new, stored, dry_run=dry_run)
        return self._finish_deletion(kind, written, dry_run=dry_run)

    def update_status(
        self, resource: Resource, obj: JSON, *, dry_run: bool = False, metadata: JSON | None = None
    ) -> JSON:
        """Replace nothing but the status. Conflict if the object states another uid than the stored one has.

        ``metadata``, if given, replaces what a writer of the status may change of the stored metadata
        (``merged_metadata``).
        """
        if not has_status(resource):
            raise NoSubresource
        kind, read = kind_of(resource), read_object(resource, obj)
        stored = find_stored(self.store, resource, read)
        check_uid(resource, read["metadata"], stored["metadata"])
        kind.set_status_defaults(read)
        if metadata is not None:
            check_version(resource, read["metadata"], stored["metadata"])
            read["metadata"] = read_object(resource, {"metadata": metadata})["metadata"]
        action = new_action(resource, stored, stored, "status", dry_run=dry_run)
        read = self.admission.mutated(action, read, stored)
        new = with_status(kind, stored, read, has_metadata=metadata is not None)
        complete_typed(resource, new)
        if faults := status_faults(kind, new, stored, has_metadata=metadata is not None):
            raise Invalid(resource, new["metadata"]["name"], tuple(faults))
        self.admission.validate(action, new, stored)
        new = as_stored(resource, new)
        return new if dry_run else self._finish_deletion(kind, self.store.update(resource, new), dry_run=False)

    def update_part(self, resource: Resource, part: str, obj: JSON, *, dry_run: bool = False) -> JSON:
        """Replace one of the kind's ``parts``, which only a subresource changes, and the managedFields."""
        kind, read = kind_of(resource), read_object(resource, obj)
        stored = find_stored(self.store, resource, read)
        check_version(resource, read["metadata"], stored["metadata"])
        action = new_action(resource, stored, stored, part, dry_run=dry_run)
        read, metadata = self.admission.mutated(action, read, stored), dict(stored["metadata"])
        if "managedFields" in read["metadata"]:
            metadata["managedFields"] = read["metadata"]["managedFields"]
        rule = kind.parts[part]
        new = copy_object({**stored, "metadata": metadata, "spec": rule.merged(read["spec"], stored["spec"])})
        kind.set_defaults(new)
        complete_typed(resource, new)
        set_generation(kind, new, stored)
        if faults := [*object_faults(kind, new, self.allocators.get(resource)), *rule.validate(new, stored)]:
            raise Invalid(resource, metadata["name"], tuple(faults))
        return self._store(kind, new, stored, action)

    def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        options: DeleteOptions = NO_OPTIONS,
        *,
        dry_run: bool = False,
    ) -> JSON:
        """Delete an object, or begin to, and return its last state. Conflict if the preconditions do not hold.

        A running pod only begins to terminate (its kubelet deletes it with grace 0), an object with finalizers stays
        until the last one is removed, a Namespace until its contents are gone.
        """
        kind, stored = kind_of(resource), self.store.get(resource, namespace, name)
        check_preconditions(kind, stored, options)
        self.admission.admit_deletion(Action("DELETE", resource, key_of(stored), "", dry_run), stored)
        grace = kind.grace_seconds(stored, options.grace_period_seconds)
        if grace == 0 and not kind.finalizers(stored):
            return stored if dry_run else self._remove(resource, stored)
        if is_terminating(stored) and grace >= stored["metadata"].get("deletionGracePeriodSeconds", 0):
            return stored  # a repeated deletion may only shorten the grace period
        marked = mark_deleted(kind, stored, grace, self._clock())
        return marked if dry_run else self.store.update(resource, marked)

    def _write(self, kind: Kind, new: JSON, old: JSON | None, *, dry_run: bool) -> JSON:
        """Validate an object and store it; an allocator comes before, as in the real server."""
        allocator, new = self.allocators.get(kind.resource), self.admission.prepared(new, old)
        action = new_action(kind.resource, new, old, dry_run=dry_run)
        if allocator is None:
            check_object(kind, new, old, allocator)
            return self._store(kind, new, old, action)
        transaction = self.new_transaction()
        try:
            if faults := allocator.allocate(new, old, transaction):
                raise Invalid(kind.resource, new["metadata"].get("name", ""), tuple(faults))
            check_object(kind, new, old, allocator)
            written = self._store(kind, new, old, action)
        except BaseException:  # also if the thread of a large request is stopped
            transaction.rollback()
            raise
        if dry_run:
            transaction.rollback()
            return written
        transaction.commit()
        self.record(kind.resource, written, old)
        return written

    def record(self, resource: Resource, new: JSON | None, old: JSON | None) -> None:
        """Create and delete the objects that tell what a write has got, or given back."""
        allocator = self.allocators.get(resource)
        gained, lost = allocator.records(new, old) if allocator else ((), ())
        own = self if self.admission is ADMIT_ALL else self.acting(ADMIT_ALL)
        for each, obj in gained:
            own.create_typed(each, obj)
        for each, key in lost:
            own.delete(each, *key)

    def _store(self, kind: Kind, new: JSON, old: JSON | None, action: Action) -> JSON:
        """Store an object that is valid, if the admission plug-ins and its namespace's quotas allow that."""
        kind.review(new, old, self.store)
        self.admission.validate(action, new, old)
        if old is None:
            check_name(kind.resource, new, self.store)
        charge(kind, new, old, self.store, is_dry_run=action.is_dry_run)
        resource, new, dry_run = kind.resource, as_stored(kind.resource, new), action.is_dry_run
        if old is not None:
            return new if dry_run else self.store.update(resource, new)
        version = new["metadata"].pop("resourceVersion", "")
        if dry_run:  # the real server checks the version in its storage, which a dry run does not reach
            return new
        if version.isdecimal() and int(version):
            raise StatusError(500, "", "resourceVersion should not be set on objects to be created")
        return self.store.create(resource, new)

    def _remove(self, resource: Resource, stored: JSON) -> JSON:
        last = self.store.delete(resource, *key_of(stored))
        if allocator := self.allocators.get(resource):
            allocator.release(last)
            self.record(resource, None, last)
        return last

    def _finish_deletion(self, kind: Kind, written: JSON, *, dry_run: bool) -> JSON:
        """Remove an object if this update has removed its last finalizer."""
        return written if dry_run or not is_due(kind, written) else self._remove(kind.resource, written)

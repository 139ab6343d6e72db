"""Store the new state of objects: admission, defaults, managedFields, the Registry, and warnings. Pure.

Every write of a client goes through here. The objects that ``create`` and ``update`` are given are typed
(``bodies.read_typed``) and become the Store's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from kubeapi.kinds import kind_of
from kubeapi.meta import JSON, ObjectKey, format_time
from kubeapi.registry import Registry
from kubeapi.scheme import Resource
from kubeapi.validation.warnings import warning_text
from kubeapiserver.admission.hooks import Action
from kubeapiserver.admission.reviews import Asked
from kubeapiserver.admission.webhooks import Admitted, Webhooks
from kubeapiserver.apply.managedfields import UPDATE, Change, manager_key, track_update
from kubeapiserver.apply.serverside import Configuration, server_side_apply
from kubeapiserver.handlers.scales import with_replicas
from kubeapiserver.requests.options import WriteOptions

Admit = Callable[[Resource, JSON], tuple[JSON, Sequence[str]]]
"""Returns the object to be written, perhaps a changed copy of the given one, and warnings for the client."""


class Written(NamedTuple):
    """The stored object, warnings for the client, and whether the object is new."""

    object: JSON
    warnings: Sequence[str]
    is_new: bool = False


class ObjectWriter:
    """Writes objects on behalf of clients; StatusError if the Registry refuses one."""

    def __init__(self, registry: Registry, admit: Admit, clock: Callable[[], float], webhooks: Webhooks) -> None:
        self._registry = registry
        self._admit = admit
        self._clock = clock
        self._webhooks = webhooks

    def create(self, resource: Resource, obj: JSON, options: WriteOptions) -> Written:
        """Store a new object."""
        obj, notes = self._admit(resource, obj)
        kind_of(resource).set_defaults(obj)
        obj, said = self._reviewed(resource, None, obj, options)
        obj = self._tracked(resource, None, obj, options)
        created = self._registry.create_typed(resource, obj, dry_run=options.is_dry_run)
        return Written(created, [*notes, *said, *self._warnings(resource, None, created)], is_new=True)

    def update(self, resource: Resource, stored: JSON | None, obj: JSON, options: WriteOptions) -> Written:
        """Replace ``stored``, all but its status; NotFound if that is None."""
        obj, notes = self._admit(resource, obj)
        said: Sequence[str] = ()
        if stored is not None:
            kind_of(resource).set_defaults(obj)
            obj, said = self._reviewed(resource, stored, obj, options)
            obj = self._tracked(resource, stored, obj, options)
        written = self._registry.update_typed(resource, obj, dry_run=options.is_dry_run)
        return Written(written, [*notes, *said, *self._warnings(resource, stored, written)])

    def update_status(self, resource: Resource, stored: JSON, obj: JSON, options: WriteOptions) -> JSON:
        """Replace the status of ``stored``, and its metadata but for what only the server sets."""
        obj, _ = self._reviewed(resource, stored, obj, options, "status")
        metadata = self._tracked(resource, stored, obj, options, "status")["metadata"]
        return self._registry.update_status(resource, obj, dry_run=options.is_dry_run, metadata=metadata)

    def update_scale(self, resource: Resource, stored: JSON, replicas: int, options: WriteOptions) -> JSON:
        """Set the replicas of ``stored``."""
        scaled = with_replicas(resource, stored, replicas)
        tracked = self._tracked(resource, stored, scaled, options, "scale")
        return self._registry.update(resource, tracked, dry_run=options.is_dry_run)

    def update_part(self, part: str, resource: Resource, stored: JSON, obj: JSON, options: WriteOptions) -> Written:
        """Replace one of the kind's parts of ``stored``."""
        obj, said = self._reviewed(resource, stored, obj, options, part)
        tracked = self._tracked(resource, stored, obj, options, part)
        written = self._registry.update_part(resource, part, tracked, dry_run=options.is_dry_run)
        return Written(written, [*said, *self._warnings(resource, stored, written)])

    def apply(self, configuration: Configuration, options: WriteOptions) -> Written:
        """Apply a configuration to an object (server-side apply)."""
        body, notes = self._admit(configuration.resource, configuration.body)
        stored = self._registry.store.find(configuration.resource, configuration.key)
        said: list[str] = []

        def review(new: JSON, old: JSON | None) -> JSON:
            reviewed = self._reviewed(configuration.resource, old, new, options, configuration.subresource)
            said.extend(reviewed.warnings)
            return reviewed.object

        wanted = configuration._replace(body=body, review=review)
        applied, is_new = server_side_apply(self._registry, wanted, self._clock(), dry_run=options.is_dry_run)
        return Written(applied, [*notes, *said, *self._warnings(configuration.resource, stored, applied)], is_new)

    def _reviewed(
        self, resource: Resource, old: JSON | None, new: JSON, options: WriteOptions, subresource: str = ""
    ) -> Admitted:
        """Return the new state as the admission webhooks want it, with defaults; StatusError if one denies it."""
        action = Action("CREATE" if old is None else "UPDATE", resource, _key_of(new), subresource)
        asked = Asked(action, options.request.user, options.is_dry_run, options.document(is_new=old is None))
        if not self._webhooks.are_asked(asked):
            return Admitted(new)
        admitted = self._webhooks.admit(options.request, asked, new, old)
        if admitted.object is not new:
            kind_of(resource).set_defaults(admitted.object)
        return admitted

    def _tracked(
        self, resource: Resource, stored: JSON | None, new: JSON, options: WriteOptions, subresource: str = ""
    ) -> JSON:
        """Return the new state with managedFields that tell what the client has changed."""
        key = manager_key(resource, UPDATE, options.manager, subresource)
        return track_update(resource, stored, new, Change(key, format_time(self._clock())))

    def _warnings(self, resource: Resource, before: JSON | None, after: JSON) -> list[str]:
        found = kind_of(resource).warnings(before, after, self._registry.config)
        return [warning_text(each) for each in found]


def _key_of(obj: JSON) -> ObjectKey:
    """Return the key of an object that may have no name yet."""
    metadata = obj["metadata"]
    return ObjectKey(metadata.get("namespace", ""), metadata.get("name", ""))

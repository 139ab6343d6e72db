"""Store the new state of objects: admission, defaults, managedFields, the Registry, and warnings. Pure.

Every write of a client goes through here. The objects that ``create`` and ``update`` are given are typed
(``bodies.read_typed``) and become the Store's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from kubeapi.kinds import kind_of
from kubeapi.meta import JSON, format_time
from kubeapi.registry import Registry
from kubeapi.registry.admission import Action, Admission
from kubeapi.registry.scaling import with_reviewed_replicas
from kubeapi.scheme import Resource
from kubeapi.validation.warnings import warning_text
from kubeapiserver.admission.reviews import Requester
from kubeapiserver.admission.webhooks import Webhooks
from kubeapiserver.apply.managedfields import UPDATE, Change, manager_key, track_update
from kubeapiserver.apply.serverside import Configuration, server_side_apply
from kubeapiserver.requests.options import WriteOptions
from kubeapiserver.requests.paths import asked_version

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
        obj = self._tracked(resource, None, obj, options)
        registry, said = self._acting(options)
        created = registry.create_typed(resource, obj, dry_run=options.is_dry_run)
        return Written(created, [*notes, *said, *self._warnings(resource, None, created)], is_new=True)

    def update(self, resource: Resource, stored: JSON | None, obj: JSON, options: WriteOptions) -> Written:
        """Replace ``stored``, all but its status; NotFound if that is None."""
        obj, notes = self._admit(resource, obj)
        if stored is not None:
            kind_of(resource).set_defaults(obj)
            obj = self._tracked(resource, stored, obj, options)
        registry, said = self._acting(options)
        written = registry.update_typed(resource, obj, dry_run=options.is_dry_run)
        return Written(written, [*notes, *said, *self._warnings(resource, stored, written)])

    def update_status(self, resource: Resource, stored: JSON, obj: JSON, options: WriteOptions) -> JSON:
        """Replace the status of ``stored``, and its metadata but for what only the server sets."""
        metadata = self._tracked(resource, stored, obj, options, "status")["metadata"]
        return self._acting(options)[0].update_status(resource, obj, dry_run=options.is_dry_run, metadata=metadata)

    def update_scale(self, resource: Resource, stored: JSON, replicas: int, options: WriteOptions) -> Written:
        """Set the replicas of ``stored``; what is reviewed is the Scale."""
        admission, said = self._admission(options)
        scaled = with_reviewed_replicas(admission, resource, stored, replicas, dry_run=options.is_dry_run)
        tracked = self._tracked(resource, stored, scaled, options, "scale")
        written = self._registry.update(resource, tracked, dry_run=options.is_dry_run)
        return Written(written, said)

    def reviewed(self, action: Action, new: JSON, old: JSON | None, options: WriteOptions) -> Written:
        """Return what the webhooks make of an object that is not stored itself, such as a Binding; StatusError."""
        admission, said = self._admission(options)
        new = admission.mutated(action, new, old)
        admission.validate(action, new, old)
        return Written(new, said)

    def update_part(self, part: str, resource: Resource, stored: JSON, obj: JSON, options: WriteOptions) -> Written:
        """Replace one of the kind's parts of ``stored``."""
        tracked = self._tracked(resource, stored, obj, options, part)
        registry, said = self._acting(options)
        written = registry.update_part(resource, part, tracked, dry_run=options.is_dry_run)
        return Written(written, [*said, *self._warnings(resource, stored, written)])

    def apply(self, configuration: Configuration, options: WriteOptions) -> Written:
        """Apply a configuration to an object (server-side apply)."""
        body, notes = self._admit(configuration.resource, configuration.body)
        stored = self._registry.store.find(configuration.resource, configuration.key)
        registry, said = self._acting(options)
        wanted = configuration._replace(body=body)
        applied, is_new = server_side_apply(registry, wanted, self._clock(), dry_run=options.is_dry_run)
        return Written(applied, [*notes, *said, *self._warnings(configuration.resource, stored, applied)], is_new)

    def _acting(self, options: WriteOptions) -> tuple[Registry, list[str]]:
        """Return the Registry as the sender of a request has it, and the list of the webhooks' warnings."""
        admission, said = self._admission(options)
        return self._registry if admission is self._registry.admission else self._registry.acting(admission), said

    def _admission(self, options: WriteOptions) -> tuple[Admission, list[str]]:
        http, said = options.request, list[str]()
        return self._webhooks.admission(
            Requester(http.user, options.document, asked_version(http.path)), http.reviews, said
        ), said

    def _tracked(
        self, resource: Resource, stored: JSON | None, new: JSON, options: WriteOptions, subresource: str = ""
    ) -> JSON:
        """Return the new state with managedFields that tell what the client has changed."""
        key = manager_key(resource, UPDATE, options.manager, subresource)
        return track_update(resource, stored, new, Change(key, format_time(self._clock())))

    def _warnings(self, resource: Resource, before: JSON | None, after: JSON) -> list[str]:
        found = kind_of(resource).warnings(before, after, self._registry.config)
        return [warning_text(each) for each in found]

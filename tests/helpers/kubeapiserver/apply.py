"""A cluster in which several managers apply and update the same object, and the owners of its fields."""

from __future__ import annotations

from tests.helpers.kubeapi.objects import FakeClock, new_registry

from kubeapi.kinds import kind_of, resource_for
from kubeapi.meta import JSON, ObjectKey, format_time, key_of
from kubeapi.scheme import NAMESPACES, Resource
from kubeapi.serialization.decoding import decode
from kubeapiserver.apply.fieldpath import in_order, path_text, read_fields_v1
from kubeapiserver.apply.managedfields import UPDATE, Change, manager_key, track_update
from kubeapiserver.apply.serverside import Configuration, server_side_apply
from kubeapiserver.requests.bodies import with_reset


class Managers:
    """Writes on behalf of managers, as the API server does for its clients."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.registry = new_registry(self.clock)
        self.registry.create(NAMESPACES, {"metadata": {"name": "default"}})

    def apply(self, manager: str, config: JSON, *, force: bool = False, dry_run: bool = False) -> JSON:
        """Apply a configuration; StatusError for a conflict."""
        resource, key = self._place(config)
        configuration = Configuration(resource, key, config, manager, is_forced=force)
        return server_side_apply(self.registry, configuration, self.clock(), dry_run=dry_run)[0]

    def create(self, manager: str, obj: JSON) -> JSON:
        resource, _ = self._place(obj)
        return self.registry.create(resource, tracked(resource, None, obj, manager, now=self.clock()))

    def update(self, manager: str, obj: JSON) -> JSON:
        """Replace the whole object."""
        resource, key = self._place(obj)
        stored = self.registry.store.find(resource, key)
        return self.registry.update(resource, tracked(resource, stored, obj, manager, now=self.clock()))

    def stored(self, obj: JSON) -> JSON | None:
        resource, key = self._place(obj)
        return self.registry.store.find(resource, key)

    def _place(self, obj: JSON) -> tuple[Resource, ObjectKey]:
        resource = resource_for(obj["apiVersion"], obj["kind"])
        assert resource is not None
        return resource, key_of({"metadata": {"namespace": "default", **obj["metadata"]}})


def tracked(
    resource: Resource, old: JSON | None, sent: JSON, manager: str, subresource: str = "", *, now: float
) -> JSON:
    """Return the object that a client sends with its managedFields, as the API server passes it to the Registry."""
    new = with_reset(decode(resource, sent).object, sent)
    kind_of(resource).set_defaults(new)
    change = Change(manager_key(resource, UPDATE, manager, subresource), format_time(now))
    return track_update(resource, old, new, change)


def owned(obj: JSON) -> dict[str, list[str]]:
    """Return the paths that everybody owns, by manager."""
    entries = obj["metadata"].get("managedFields", ())
    return {
        each["manager"]: [path_text(path) for path in in_order(read_fields_v1(each["fieldsV1"]))] for each in entries
    }


def configmap(data: dict[str, str] | None = None, **metadata: object) -> JSON:
    obj: JSON = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf", **metadata}}
    return obj if data is None else {**obj, "data": data}

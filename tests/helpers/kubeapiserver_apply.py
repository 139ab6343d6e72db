"""A cluster in which several managers apply and update the same object, and who owns what of it then."""

from __future__ import annotations

from tests.helpers.kubeapi_objects import FakeClock, new_registry

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.scheme import NAMESPACES, Resource, resource_for
from kubeapiserver.apply.fieldpath import in_order, path_text, read_fields_v1
from kubeapiserver.apply.managedfields import track_update
from kubeapiserver.apply.serverside import server_side_apply


class Managers:
    """Writes on behalf of managers, as the API server does for its clients."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.registry = new_registry(self.clock)
        self.registry.create(NAMESPACES, {"metadata": {"name": "default"}})

    def apply(self, manager: str, config: JSON, *, force: bool = False, dry_run: bool = False) -> JSON:
        """Apply a configuration; StatusError for a conflict."""
        resource, key = self._place(config)
        return server_side_apply(self.registry, resource, key, config, manager, force, dry_run, clock=self.clock)[0]

    def create(self, manager: str, obj: JSON) -> JSON:
        resource, _ = self._place(obj)
        return self.registry.create(resource, track_update(resource, None, obj, manager, "", self.clock()))

    def update(self, manager: str, obj: JSON) -> JSON:
        """Replace the whole object."""
        resource, key = self._place(obj)
        stored = self.registry.store.find(resource, key)
        return self.registry.update(resource, track_update(resource, stored, obj, manager, "", self.clock()))

    def stored(self, obj: JSON) -> JSON | None:
        resource, key = self._place(obj)
        return self.registry.store.find(resource, key)

    def _place(self, obj: JSON) -> tuple[Resource, ObjectKey]:
        resource = resource_for(obj["apiVersion"], obj["kind"])
        assert resource is not None
        return resource, key_of({"metadata": {"namespace": "default", **obj["metadata"]}})


def owned(obj: JSON) -> dict[str, list[str]]:
    """Return the paths that everybody owns, by manager."""
    entries = obj["metadata"].get("managedFields", ())
    return {
        each["manager"]: [path_text(path) for path in in_order(read_fields_v1(each["fieldsV1"]))] for each in entries
    }


def configmap(data: dict[str, str] | None = None, **metadata: object) -> JSON:
    obj: JSON = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf", **metadata}}
    return obj if data is None else {**obj, "data": data}

"""CustomResourceDefinitions for tests, and a client of a cluster whose controller accepts them at once."""

from __future__ import annotations

from typing import Any

from tests.helpers.kubeapiserver.client import APIClient, Reply

from kubeapi.meta import JSON, key_of
from kubeapi.scheme import CUSTOM_RESOURCE_DEFINITIONS
from kubecontroller.change import Delete, Update, UpdateStatus
from kubecontroller.customresources.definition import CustomResourceDefinitionController
from kubecontroller.listers import Listers

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TABS = "/apis/example.com/v1/namespaces/default/tabs"
TEXT: JSON = {"type": "string"}


def obj(**properties: Any) -> JSON:
    """Return the schema of an object with these properties."""
    return {"type": "object", "properties": properties}


def version(name: str = "v1", schema: JSON | None = None, **more: Any) -> JSON:
    """Return a version of a definition, which is the storage version if it is v1."""
    schema = obj(spec=obj(text=TEXT)) if schema is None else schema
    return {
        "name": name,
        "served": True,
        "storage": name == "v1",
        "schema": {"openAPIV3Schema": schema},
        **more,
    }


def crd(*versions: JSON, scope: str = "Namespaced", **names: Any) -> JSON:
    """Return the definition of Tabs in example.com."""
    names = {"plural": "tabs", "kind": "Tab", **names}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names['plural']}.example.com"},
        "spec": {"group": "example.com", "scope": scope, "names": names, "versions": list(versions or (version(),))},
    }


def tab(spec: Any = None, name: str = "a", api_version: str = "v1", **more: Any) -> JSON:
    """Return a Tab."""
    head = {"apiVersion": f"example.com/{api_version}", "kind": "Tab", "metadata": {"name": name}}
    return {**head, **({} if spec is None else {"spec": spec}), **more}


class CustomClient(APIClient):
    """A client whose definitions are reconciled when it asks for that."""

    def define(self, definition: JSON) -> Reply:
        """Create a definition, and let the controller accept it."""
        reply = self.post(CRDS, definition)
        self.reconcile()
        return reply

    def reconcile(self) -> None:
        """Let the controller do all that it wants to do."""
        controller = CustomResourceDefinitionController(Listers(self.registry.store))
        store, changed = self.registry.store, True
        while changed:
            before = store.resource_version
            for each in store.list(CUSTOM_RESOURCE_DEFINITIONS):
                for change in controller.reconcile(key_of(each), self.clock()):
                    self._write(change)
            changed = store.resource_version != before

    def _write(self, change: Any) -> None:
        match change:
            case UpdateStatus():
                metadata = change.obj["metadata"] if change.has_metadata else None
                self.registry.update_status(change.resource, change.obj, metadata=metadata)
            case Update():
                self.registry.update(change.resource, change.obj)
            case Delete():
                self.registry.delete(change.resource, *change.key)

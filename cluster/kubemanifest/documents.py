"""The nouns of the input: a Document is an object and where it is written, Loaded is all of the input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kubeapi.customresources.definitions import CustomKinds
from kubeapi.customresources.resource import CustomResource, declared_by
from kubeapi.extensions.apis import ExtensionResource, extension_resource
from kubeapi.kinds import RESOURCES, resource_for
from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import APISERVICES, CUSTOM_RESOURCE_DEFINITIONS, Resource
from kubeapi.status import FieldError
from kubeapi.store import Store
from kubemanifest.faults import Fault, Place, Position, hint_for_unsupported, locate
from kubemanifest.reading import Spot, Written

CONFIGURATION_GROUP = "kubesvc.dev"
CONFIGURATION_API_VERSION = f"{CONFIGURATION_GROUP}/v1alpha1"
CONFIGURATION_KIND = "ClusterConfiguration"

RESOURCE_OF = {each.kind: each for each in RESOURCES}
"""The resource of each kind; a kind is in one API group only."""

_NONE: frozenset[str] = frozenset()


class Document(NamedTuple):
    """One object of the input. ``spot`` has the places of its fields."""

    obj: JSON
    source: str
    spot: Spot
    faulty: frozenset[str] = _NONE
    """Paths of fields that could not be read; ``obj`` is without them, so that its other faults are found too."""
    custom: CustomResource | ExtensionResource | None = None
    """The resource of a custom kind, or of one of an extension API server."""

    @property
    def place(self) -> Place:
        """Where the object is written, and its fields below it."""
        return self.spot.place

    @property
    def name(self) -> str:
        """``metadata.name``."""
        return str(self.obj["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """``metadata.namespace``, "" if it is cluster-scoped."""
        return str(self.obj["metadata"].get("namespace", ""))

    @property
    def resource(self) -> Resource:
        """The resource of the object; KeyError for the cluster's configuration, which is no object."""
        return self.custom or RESOURCE_OF[self.obj["kind"]]

    @property
    def is_remote(self) -> bool:
        """Whether an extension API server has the object."""
        return isinstance(self.custom, ExtensionResource)

    @property
    def key(self) -> ObjectKey:
        """The key under which the Store will hold the object."""
        return ObjectKey(self.namespace, self.name)

    def fault(self, error: FieldError, hint: str = "") -> Fault:
        """Return the fault of one field, with its position."""
        hint = hint or hint_for_unsupported(error)
        return Fault.at(self.source, position_of(self, error.field), error.field, error.message, hint)


class Loaded(NamedTuple):
    """All of the input. ``documents`` are usable only if ``faults`` is empty; ``warnings`` never stop anything."""

    documents: tuple[Document, ...] = ()
    configuration: Document | None = None
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    is_partial: bool = False
    """Whether some of the input could not be read as an object at all."""

    def objects(self, resource: Resource) -> list[JSON]:
        """Return the objects of one resource."""
        return [each.obj for each in self.documents if each.resource == resource]


def bare_documents(objects: Sequence[JSON], store: Store) -> list[Document]:
    """Return the documents of objects that come from no file, or from one that is not here, for a cluster.

    What defines other kinds may be in the Store or among the objects.
    """
    given, customs = customs_in(objects), CustomKinds(store)
    servers = [*api_services_in(objects), *store.list(APISERVICES)]

    def bare(obj: JSON) -> Document:
        named = obj.get("apiVersion", ""), obj.get("kind", "")
        custom: CustomResource | ExtensionResource | None = None
        if not resource_for(*named):
            custom = given.get(named) or customs.declared(*named) or extension_resource(*named, servers)
        return Document(obj, "", Spot(Written("", 0, 0)), custom=custom)

    return [*map(bare, objects)]


def customs_in(objects: Iterable[JSON]) -> dict[tuple[str, str], CustomResource]:
    """Return the custom resources that the definitions among objects declare, by apiVersion and kind."""
    definitions = (each for each in objects if each.get("kind") == CUSTOM_RESOURCE_DEFINITIONS.kind)
    return {(each.api_version, each.kind): each for definition in definitions for each in declared_by(definition)}


def api_services_in(objects: Iterable[JSON]) -> list[JSON]:
    """Return the APIServices among objects."""
    return [each for each in objects if each.get("kind") == APISERVICES.kind]


def position_of(document: Document, field: str) -> Position:
    """Return the position of a field path (``spec.ports[0].port``, ``spec.selector[app]``) or its nearest ancestor."""
    return locate(document.place, field)

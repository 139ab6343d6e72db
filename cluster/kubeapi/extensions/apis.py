"""The groups and versions that extension API servers answer for, and what is known of their resources. Pure.

``kubeaggregator`` asks the servers and keeps what they offer here; the API server tells of it in discovery and
forwards requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.apiservice import APIService, read_api_service
from kubeapi.objects.parts import list_at, map_at
from kubeapi.scheme import APISERVICES, Resource
from kubeapi.store import Store
from kubeapi.watching import WatchEvent


@dataclass(frozen=True, slots=True)
class ExtensionResource(Resource):
    """A kind that an extension API server has. Only that server knows its plural, and whether it is namespaced."""


def extension_resource(api_version: str, kind: str, api_services: Iterable[JSON]) -> ExtensionResource | None:
    """Return the resource of a kind for which one of the APIServices names a server, None without."""
    group, _, version = api_version.rpartition("/")
    for each in api_services:
        spec = map_at(each, "spec")
        if (spec.get("group"), spec.get("version")) == (group, version) and spec.get("service"):
            return ExtensionResource(kind, "", group, version, namespaced=True)
    return None


class Swagger:
    """A part of an OpenAPI v2 document: the paths of one version, and the definitions that they refer to."""

    __slots__ = ("definitions", "paths")

    def __init__(self, paths: Mapping[str, JSON], definitions: Mapping[str, JSON]) -> None:
        self.paths = paths
        self.definitions = definitions

    def patched(self) -> Iterator[tuple[str, JSON]]:
        """Yield the paths of objects whose PATCH may validate fields, and the group, version and kind of each."""
        for path, item in self.paths.items():
            operation = map_at(item, "patch")
            identity = operation.get("x-kubernetes-group-version-kind")
            if identity and any(each.get("name") == "fieldValidation" for each in list_at(operation, "parameters")):
                yield path, identity


class Offer(NamedTuple):
    """What an extension API server offers of one version: its resources as aggregated discovery has them.

    ``is_current`` tells whether it has answered when it was asked last. ``openapi`` are the documents of OpenAPI v3
    that it lists, their URLs by path, ``swagger`` is its OpenAPI v2 document, None without one.
    """

    resources: tuple[JSON, ...] = ()
    is_current: bool = False
    openapi: Mapping[str, str] = {}
    swagger: Swagger | None = None


class ExtensionAPIs:
    """Finds the APIServices that have a Service. A cluster without pays for one comparison. Any thread may ask."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_version: dict[tuple[str, str], APIService] = {}
        self._is_stale = True
        self.offers: dict[str, Offer] = {}
        """What the servers offer, by the name of the APIService."""
        store.watch(APISERVICES, store.resource_version, self._note)

    def all(self) -> tuple[APIService, ...]:
        """Return the APIServices of extension API servers."""
        self._refresh()
        return tuple(self._by_version.values())

    def find(self, group: str, version: str) -> APIService | None:
        """Return the APIService of a version that an extension API server answers for, None for any other."""
        self._refresh()
        return self._by_version.get((group, version))

    def of_path(self, path: str) -> APIService | None:
        """Return the APIService whose server answers for a path, None if this one does."""
        self._refresh()
        if not self._by_version:
            return None
        match path.split("/")[1:]:
            case ["apis", group, version, *_]:
                return self.find(group, version)
            case ["api", version, *_]:
                return self.find("", version)
            case ["openapi", "v3", *names]:
                name = "/".join(names)
                return next((each for each in self._by_version.values() if name in self.offer(each).openapi), None)
        return None

    def named(self, name: str) -> APIService | None:
        """Return such an APIService by its name."""
        version, _, group = name.partition(".")
        return self.find(group, version)

    def offer(self, api: APIService) -> Offer:
        """Return what the server of an APIService offers; nothing before it has answered."""
        return self.offers.get(api.name) or Offer()

    def _note(self, event: WatchEvent) -> None:
        self._is_stale = True

    def _refresh(self) -> None:
        if not self._is_stale:
            return
        self._is_stale = False
        read = (read_api_service(each) for each in self._store.list(APISERVICES))
        # Assigned whole: another thread may be reading the dictionary.
        self._by_version = {(each.group, each.version): each for each in read if each.service is not None}

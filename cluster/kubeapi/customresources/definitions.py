"""The custom kinds of a Store, derived from its CustomResourceDefinitions when they are asked for. Pure."""

from __future__ import annotations

from kubeapi.customresources.resource import CustomResource, declared_by, resources_of
from kubeapi.meta import JSON
from kubeapi.scheme import CUSTOM_RESOURCE_DEFINITIONS
from kubeapi.store import Store
from kubeapi.watching import WatchEvent

_Derived = tuple[str, tuple[CustomResource, ...], tuple[CustomResource, ...]]
"""The resourceVersion of a definition, its served versions, and the one under which its objects are stored."""


class CustomKinds:
    """Finds custom resources. After a change of a definition all of its resources are new ones.

    A cluster without definitions pays for one comparison. Any thread may ask.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._derived: dict[str, _Derived] = {}
        self._by_path: dict[tuple[str, str, str], CustomResource] = {}
        self._stored: dict[tuple[str, str], CustomResource] = {}
        self._is_stale = True
        store.watch(CUSTOM_RESOURCE_DEFINITIONS, store.resource_version, self._note)

    def served(self) -> tuple[CustomResource, ...]:
        """Return all versions that are served, by group and plural."""
        self._refresh()
        return tuple(self._by_path.values())

    def established(self) -> list[CustomResource]:
        """Return the served versions that discovery tells of."""
        return [each for each in self.served() if each.definition.is_established]

    def stored(self) -> tuple[CustomResource, ...]:
        """Return every custom kind in the version in which its objects are stored, whether it is served or not."""
        self._refresh()
        return tuple(self._stored.values())

    def find(self, group: str, version: str, plural: str) -> CustomResource | None:
        """Return a served version by its path, None if there is none."""
        self._refresh()
        return self._by_path.get((group, version, plural))

    def of_kind(self, api_version: str, kind: str) -> CustomResource | None:
        """Return the stored resource that has objects of a kind, of which any version is named; None without one."""
        self._refresh()
        group = api_version.rpartition("/")[0]
        return next((each for each in self._stored.values() if (each.group, each.kind) == (group, kind)), None)

    def declared(self, api_version: str, kind: str) -> CustomResource | None:
        """Return the version of a kind that any definition declares, None without one."""
        found = (each for crd in self._store.list(CUSTOM_RESOURCE_DEFINITIONS) for each in declared_by(crd))
        return next((each for each in found if (each.api_version, each.kind) == (api_version, kind)), None)

    def current(self, resource: CustomResource) -> CustomResource:
        """Return a stored resource as its definition is now; one without a definition as it is."""
        self._refresh()
        return self._stored.get((resource.group, resource.plural), resource)

    def _note(self, event: WatchEvent) -> None:
        self._is_stale = True

    def _refresh(self) -> None:
        if not self._is_stale:
            return
        self._is_stale = False
        crds = sorted(self._store.list(CUSTOM_RESOURCE_DEFINITIONS), key=_place)
        self._derived = {each["metadata"]["name"]: self._derive(each) for each in crds}
        # Assigned whole: another thread may be reading the dictionaries.
        self._by_path = {
            (each.group, each.version, each.plural): each for _, served, _ in self._derived.values() for each in served
        }
        self._stored = {(each.group, each.plural): each for *_, stored in self._derived.values() for each in stored}

    def _derive(self, crd: JSON) -> _Derived:
        version = crd["metadata"]["resourceVersion"]
        known = self._derived.get(crd["metadata"]["name"])
        if known is not None and known[0] == version:
            return known
        try:
            return version, tuple(resources_of(crd)), tuple(resources_of(crd, accepted=False))
        except (
            LookupError,
            TypeError,
            ValueError,
            AttributeError,
        ) as failure:  # from a database that somebody has edited
            name = crd["metadata"]["name"]
            self._store.failures.note("kube-apiserver", f"CustomResourceDefinition {name}", failure)
            return version, (), ()


def _place(crd: JSON) -> tuple[str, str]:
    plural, _, group = crd["metadata"]["name"].partition(".")
    return group, plural

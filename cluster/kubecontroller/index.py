"""Indexes over the Store's objects, so that a change finds the objects that it concerns without a walk over all.

An index is brought to the Store's present state of a key, not to the state in a watch event, and at once after a
controller's own write. It may be behind other writers for a moment, but never behind its own controllers: none creates
a second pod because it has not yet seen its first. Follows client-go ``tools/cache`` indexers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable
from typing import Generic, TypeVar

from kubeapi.meta import JSON, ObjectKey

K = TypeVar("K", bound=Hashable)


class Index(Generic[K]):
    """The keys that have a value; ``values_of`` returns the values of an object."""

    def __init__(self, values_of: Callable[[JSON], Iterable[Hashable]]) -> None:
        self._values_of = values_of
        self._values: dict[K, tuple[Hashable, ...]] = {}
        self._keys: dict[Hashable, dict[K, None]] = {}

    def refresh(self, key: K, obj: JSON | None) -> None:
        """Record the present state of ``key``; None when there is no such object."""
        values = tuple(self._values_of(obj)) if obj is not None else ()
        before = self._values.get(key, ())
        if values == before:
            return
        for value in before:
            keys = self._keys[value]
            keys.pop(key, None)
            if not keys:
                del self._keys[value]
        for value in values:
            self._keys.setdefault(value, {})[key] = None
        if values:
            self._values[key] = values
        else:
            del self._values[key]

    def having(self, value: Hashable) -> Collection[K]:
        """Return the keys that have ``value``, oldest first."""
        return self._keys.get(value, {}).keys()


Selector = tuple[tuple[str, str], ...]
"""An equality selector as a value: its pairs, sorted."""


class SelectorIndex:
    """The objects that select a set of labels, found by the label names of their selectors.

    The selectors of a namespace use few different sets of label names, and a look-up costs one step for each such set:
    10,000 Services with ``app: NAME`` cost one step.
    """

    def __init__(self, selector_of: Callable[[JSON], dict[str, str] | None]) -> None:
        self._selector_of = selector_of
        self._selectors: dict[ObjectKey, Selector] = {}
        self._keys: dict[tuple[str, Selector], dict[ObjectKey, None]] = {}
        self._name_sets: dict[str, Counter[tuple[str, ...]]] = {}

    def refresh(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record the present state of ``key``; None when there is no such object."""
        selector = self._selector_of(obj) if obj is not None else None
        now = None if selector is None else tuple(sorted(selector.items()))
        before = self._selectors.get(key)
        if now == before:
            return
        if before is not None:
            self._remove(key, before)
        if now is not None:
            self._selectors[key] = now
            self._keys.setdefault((key.namespace, now), {})[key] = None
            self._name_sets.setdefault(key.namespace, Counter())[_names(now)] += 1

    def _remove(self, key: ObjectKey, selector: Selector) -> None:
        del self._selectors[key]
        keys = self._keys[key.namespace, selector]
        del keys[key]
        if not keys:
            del self._keys[key.namespace, selector]
        name_sets = self._name_sets[key.namespace]
        name_sets[_names(selector)] -= 1
        if not name_sets[_names(selector)]:
            del name_sets[_names(selector)]

    def selecting(self, namespace: str, labels: dict[str, str]) -> list[ObjectKey]:
        """Return the objects of ``namespace`` that select ``labels``."""
        found: list[ObjectKey] = []
        for names in self._name_sets.get(namespace, ()):
            if all(name in labels for name in names):
                found += self._keys.get((namespace, tuple((name, labels[name]) for name in names)), ())
        return found


def _names(selector: Selector) -> tuple[str, ...]:
    return tuple(name for name, _ in selector)

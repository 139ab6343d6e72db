"""What objects of a kind take of a ResourceQuota (k8s.io/kubernetes ``pkg/quota/v1/evaluator``). Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.scheme import Resource

Usage = Mapping[str, str]
"""Quantities by the names that a quota has for them."""

ALIASES = frozenset(("configmaps", "replicationcontrollers", "resourcequotas", "secrets"))
"""Resources that are counted by their plain name too, as they were before ``count/``."""


def _nothing(obj: JSON) -> Usage:
    return {}


def _misses_nothing(obj: JSON, names: Collection[str]) -> str:
    return ""


def _no_scope(requirement: JSON, obj: JSON) -> bool:
    """Match no scope: a quota with scopes counts only kinds that have some (MatchesNoScopeFunc)."""
    return False


def _knows_nothing(name: str) -> bool:
    return False


class Countable(NamedTuple):
    """What a kind takes beside one in the count of its objects.

    ``usage`` of an object; ``knows`` tells whether a name of a quota is one of the kind's; ``missing`` is what an
    object must say for a quota with such names, "" if it says all; ``is_in`` judges one scope of a quota.
    ``has_updates``: an update may take more.
    """

    usage: Callable[[JSON], Usage] = _nothing
    knows: Callable[[str], bool] = _knows_nothing
    missing: Callable[[JSON, Collection[str]], str] = _misses_nothing
    is_in: Callable[[JSON, JSON], bool] = _no_scope
    has_updates: bool = False


COUNTED = Countable()
"""Objects that are only counted."""


def names_class(requirement: JSON, name: str) -> bool:
    """Tell whether a scope's requirement selects objects of the class ``name`` ("": of none)."""
    values = requirement.get("values") or ()
    match requirement.get("operator"):
        case "In":
            return bool(name) and name in values
        case "NotIn":
            return name not in values
        case "DoesNotExist":
            return not name
    return bool(name)


def count_names(resource: Resource) -> tuple[str, ...]:
    """Return the names under which the objects of a resource are counted."""
    count = f"count/{resource.qualified}"
    return (count, resource.plural) if not resource.group and resource.plural in ALIASES else (count,)


def usage_of(resource: Resource, countable: Countable, obj: JSON) -> dict[str, str]:
    """Return all that an object takes."""
    return {**dict.fromkeys(count_names(resource), "1"), **countable.usage(obj)}


def knows(resource: Resource, countable: Countable, name: str) -> bool:
    """Tell whether a name of a quota is one of a kind's."""
    return name in count_names(resource) or countable.knows(name)

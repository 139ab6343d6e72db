"""Whether an object still fits into its namespace's ResourceQuotas, and what they have given then. Pure.

Follows apiserver ``pkg/admission/plugin/resourcequota`` (CheckRequest): what a quota has given is its status, which
the controller counts anew whenever something goes; so an admission looks at no other object.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from kubeapi.kind import Kind, Objects
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.quota.countable import knows, usage_of
from kubeapi.scheme import RESOURCEQUOTAS
from kubeapi.serialization.quantity import amount_of, difference_of, sum_of
from kubeapi.status import Forbidden
from kubeapi.store import Store


def charge(kind: Kind, new: JSON, old: JSON | None, store: Store, *, is_dry_run: bool) -> None:
    """Write what the namespace's quotas have given once ``new`` is stored; Forbidden if one does not have enough left.

    A dry run only asks.
    """
    quotas = charged(kind, new, old, store)
    for each in () if is_dry_run else quotas:
        store.update(RESOURCEQUOTAS, each)


def charged(kind: Kind, new: JSON, old: JSON | None, objects: Objects) -> list[JSON]:
    """Return the namespace's quotas as they are once ``new`` is stored; Forbidden if one does not have enough left.

    ``old`` is what ``new`` replaces, None if it is created. Only quotas that change are returned.
    """
    namespace = new["metadata"].get("namespace")
    if not namespace or not (quotas := objects.list(RESOURCEQUOTAS, namespace)):
        return []
    if old is not None and not kind.countable.has_updates:
        return []
    return list(_charged(kind, new, old, quotas))


def _charged(kind: Kind, new: JSON, old: JSON | None, quotas: Collection[JSON]) -> Iterator[JSON]:
    for quota in quotas:
        hard = map_at(quota, "status", "hard")
        names = [name for name in hard if knows(kind.resource, kind.countable, name)]
        if not names or not counts(kind, quota, new):
            continue
        if old is None:
            _check_complete(kind, new, quota, names)
        asked = usage_of(kind.resource, kind.countable, new)
        if old is not None and counts(kind, quota, old):
            asked = _more(asked, usage_of(kind.resource, kind.countable, old))
        asked = {name: asked[name] for name in names if name in asked and amount_of(asked[name])}
        if asked:
            yield _with_used(kind, new, quota, asked)


def counts(kind: Kind, quota: JSON, obj: JSON) -> bool:
    """Tell whether an object is in all scopes of a quota."""
    return all(kind.countable.is_in(each, obj) for each in scopes_of(quota))


def scopes_of(quota: JSON) -> list[JSON]:
    """Return the scopes of a quota, each as a requirement of a scopeSelector."""
    named = [{"scopeName": each, "operator": "Exists"} for each in list_at(quota, "spec", "scopes")]
    return [*named, *list_at(quota, "spec", "scopeSelector", "matchExpressions")]


def _check_complete(kind: Kind, new: JSON, quota: JSON, names: Collection[str]) -> None:
    name, own = quota["metadata"]["name"], new["metadata"]["name"]
    if missing := kind.countable.missing(new, names):
        raise Forbidden(kind.resource, own, f"failed quota: {name}: {missing}")
    used = map_at(quota, "status", "used")
    if any(each not in used for each in names):
        raise Forbidden(kind.resource, own, f"status unknown for quota: {name}, resources: {','.join(sorted(names))}")


def _with_used(kind: Kind, new: JSON, quota: JSON, asked: Mapping[str, str]) -> JSON:
    """Return a quota that has given ``asked`` too; Forbidden if it has not enough left."""
    hard, used = map_at(quota, "status", "hard"), map_at(quota, "status", "used")
    total = {name: sum_of(used.get(name, "0"), value) for name, value in asked.items()}
    exceeded = sorted(name for name in total if amount_of(total[name]) > amount_of(hard[name]))
    if exceeded:
        parts = (("requested", asked), ("used", used), ("limited", hard))
        told = (f"{what}: {_listed(values, exceeded)}" for what, values in parts)
        detail = f"exceeded quota: {quota['metadata']['name']}, {', '.join(told)}"
        raise Forbidden(kind.resource, new["metadata"]["name"], detail)
    return {**quota, "status": {**quota["status"], "used": {**used, **total}}}


def _listed(values: Mapping[str, str], names: Collection[str]) -> str:
    return ",".join(f"{name}={values.get(name, '0')}" for name in names)


def _more(new: Mapping[str, str], old: Mapping[str, str]) -> dict[str, str]:
    """Return what ``new`` takes more than ``old``."""
    found = {name: difference_of(value, old.get(name, "0")) for name, value in new.items()}
    return {name: value for name, value in found.items() if amount_of(value) > 0}

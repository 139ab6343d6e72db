"""What an applied configuration makes of an object and of its managers; whose fields it would take. Pure.

Follows structured-merge-diff ``merge/update.go`` (Apply, prune).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kubeapi.meta import JSON
from kubeapiserver.apply.fieldpath import FieldSet, Path, in_order
from kubeapiserver.apply.managedfields import Entry, ManagerKey, Managers, disowned
from kubeapiserver.apply.merge import merge, remove, with_named_parents
from kubeapiserver.apply.typed import Atom, compare, field_set

Conflicts = list[tuple[ManagerKey, Path]]
"""Fields that would change, with the other managers who own them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The object as it would be (what of it can be owned), who would own it, and who is in the way."""

    object: JSON
    managers: Managers
    conflicts: Conflicts


def apply_config(atom: Atom, live: JSON, config: JSON, managers: Managers, key: ManagerKey, time: str) -> Outcome:
    """Lay a configuration over an object for the manager ``key``, and take out what that one states no longer.

    All are what can be owned of them. The manager's ``time`` is the present one unless nothing changes.
    """
    last = managers.get(key)
    others = {each: entry for each, entry in managers.items() if each != key}
    fields = field_set(atom, config)
    merged = merge(atom, live, config)
    if last is not None and last.fields - fields:
        owned = fields.union(*(each.fields for each in others.values()))
        merged = _pruned(atom, merged, last.fields, owned) or {}
    changes = compare(atom, live, merged)
    in_the_way = sorted(others, key=lambda each: (each.manager, each.operation, each.subresource))
    conflicts = [(each, path) for each in in_the_way for path in in_order(others[each].fields & changes.taken)]
    if not changes:
        time = last.time if last is not None else ""
    own: Managers = {key: Entry(fields, time)} if fields else {}
    return Outcome(merged, disowned(others, changes.taken | changes.removed) | own, conflicts)


def _pruned(atom: Atom, merged: JSON, last: FieldSet, owned: FieldSet) -> Any:
    """Return the object without the fields of ``last`` that are not in ``owned``, nor above anything that is."""
    everything, before = with_named_parents(atom, field_set(atom, merged)), with_named_parents(atom, last)
    left = with_named_parents(atom, field_set(atom, remove(atom, merged, before)))
    pruned = remove(atom, merged, everything - (left | with_named_parents(atom, owned)))
    kept = with_named_parents(atom, field_set(atom, pruned))
    return remove(atom, merged, (everything - kept) & before)

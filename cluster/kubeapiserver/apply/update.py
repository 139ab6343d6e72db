"""What applying a configuration changes: the object, the owners of its fields, and the conflicts. Pure.

Follows structured-merge-diff ``merge/update.go`` (Apply, prune).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubeapi.meta import JSON
from kubeapiserver.apply.fieldpath import FieldSet, Path, in_order
from kubeapiserver.apply.managedfields import Change, ManagedFields, ManagerKey, Managers, disowned
from kubeapiserver.apply.merge import merge, remove, with_named_parents
from kubeapiserver.apply.typed import Atom, compare, field_set

Conflicts = list[tuple[ManagerKey, Path]]
"""Fields that would change although another manager owns them, with that manager."""


class Outcome(NamedTuple):
    """The object after an apply (the part that can be owned), its managers, and the conflicts."""

    object: JSON
    managers: Managers
    conflicts: Conflicts


def apply_config(atom: Atom, live: JSON, config: JSON, managers: Managers, change: Change) -> Outcome:
    """Merge a configuration into an object, and remove the fields that its manager has stopped applying.

    ``live`` and ``config`` are the parts of the objects that can be owned. The manager's time stays if nothing changes.
    """
    last = managers.get(change.manager)
    others = {each: entry for each, entry in managers.items() if each != change.manager}
    fields = field_set(atom, config)
    merged = merge(atom, live, config)
    if last is not None and last.fields - fields:
        owned = fields.union(*(each.fields for each in others.values()))
        merged = _pruned(atom, merged, last.fields, owned)
    comparison = compare(atom, live, merged)
    time = change.time
    if not comparison:
        time = last.time if last is not None else ""
    tree = last.tree if last is not None and last.fields == fields else None
    own: Managers = {change.manager: ManagedFields(fields, time, tree)} if fields else {}
    rest = disowned(others, comparison.taken | comparison.removed)
    return Outcome(merged, rest | own, _conflicts(others, comparison.taken))


def _conflicts(others: Managers, taken: set[Path]) -> Conflicts:
    ordered = sorted(others, key=lambda each: (each.manager, each.operation, each.subresource))
    return [(each, path) for each in ordered for path in in_order(others[each].fields & taken)]


def _pruned(atom: Atom, merged: JSON, last: FieldSet, owned: FieldSet) -> JSON:
    """Return the object without those fields of ``last`` that are not in ``owned`` and contain nothing owned."""
    everything, before = with_named_parents(atom, field_set(atom, merged)), with_named_parents(atom, last)
    left = with_named_parents(atom, field_set(atom, remove(atom, merged, before)))
    pruned = remove(atom, merged, everything - (left | with_named_parents(atom, owned)))
    kept = with_named_parents(atom, field_set(atom, pruned))
    result: Any = remove(atom, merged, (everything - kept) & before)
    return {} if result is None else result

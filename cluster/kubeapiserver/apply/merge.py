"""Merge an applied configuration into an object, and remove fields from an object. Pure; arguments stay unchanged.

Follows sigs.k8s.io/structured-merge-diff ``typed/merge.go`` and ``typed/remove.go``.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from kubeapi.meta import JSON
from kubeapiserver.apply.fieldpath import FIELD, FieldSet, Path, item_element
from kubeapiserver.apply.typed import ABSENT, Atom, indexed

_MEMBER = "."


def merge(atom: Atom, old: Any, new: Any) -> Any:
    """Return ``old`` with every field of ``new`` set; list items are in the order of ``new``."""
    if new is ABSENT:
        return old
    container = list if atom.relation == "list" else dict
    before: Any = old if isinstance(old, container) else container()
    after: Any = new if isinstance(new, container) else container()
    if atom.relation == "leaf" or not (before or after):
        return new
    if atom.relation == "deduced" and not isinstance(new, dict):
        return new
    if atom.relation == "list":
        return _merge_items(atom, old, new)
    changed = {name: merge(atom.named(name)[1], before.get(name, ABSENT), each) for name, each in after.items()}
    return {**before, **changed}


def _merge_items(atom: Atom, old: Any, new: Any) -> list[Any]:
    """Return the items of both lists: in the order of ``new``, with each item of ``old`` alone as early as possible."""
    before, after = indexed(atom, old), indexed(atom, new)
    lefts = [(item_element(each, atom.keys), each) for each in (old if isinstance(old, list) else ())]
    rights = deque(after)
    shared = deque(element for element in rights if element in before)
    merged, result, at = set[str](), list[Any](), 0
    while at < len(lefts) or rights:
        wanted = rights[0] if rights else ""
        if at < len(lefts):
            element, item = lefts[at]
            is_only_old = element not in after
            if is_only_old:
                result.append(item)
            # An item that both lists have is merged at its place in ``new``, so it is skipped here in ``old``.
            if is_only_old or (wanted and element != wanted and shared and shared[0] != element):
                at += 1
                continue
            at += element == wanted or element in merged
        if wanted:
            result.append(_merge_item(atom, wanted, before.get(wanted, []), after[wanted][0]))
            merged.add(rights.popleft())
            if shared and shared[0] == wanted:
                shared.popleft()
    return result


def _merge_item(atom: Atom, element: str, before: list[Any], after: Any) -> Any:
    """Return an item of the new list merged with the old one; duplicates in the old list are replaced."""
    return merge(atom.child(element), before[0] if len(before) == 1 else ABSENT, after)


def remove(atom: Atom, value: Any, fields: FieldSet) -> Any:
    """Return the value without the fields; a list or map that becomes empty is None."""
    return _remove(atom, value, _tree(fields)) if fields else value


def _tree(fields: FieldSet) -> JSON:
    tree: JSON = {}
    for path in fields:
        node = tree
        for element in path:
            node = node.setdefault(element, {})
        node[_MEMBER] = True
    return tree


def _remove(atom: Atom, value: Any, tree: JSON) -> Any:
    if atom.relation == "leaf" or (atom.relation == "deduced" and not isinstance(value, dict)):
        return None if isinstance(value, dict | list) else value
    if atom.relation == "list":
        kept = [
            _below(atom, element, each, tree)
            for element, items in indexed(atom, value).items()
            for each in items
            if not _is_member(tree, element)
        ]
        return kept or None
    if not isinstance(value, dict):
        return None
    result = {
        name: _below(atom, FIELD + name, each, tree)
        for name, each in value.items()
        if not _is_member(tree, FIELD + name)
    }
    return result or None


def _is_member(tree: JSON, element: str) -> bool:
    return element in tree and _MEMBER in tree[element]


def _below(atom: Atom, element: str, value: Any, tree: JSON) -> Any:
    return _remove(atom.child(element), value, tree[element]) if element in tree else value


def with_named_parents(atom: Atom, fields: FieldSet) -> FieldSet:
    """Return the set with the parents of its members that the schema names (EnsureNamedFieldsAreMembers)."""
    found: set[Path] = set(fields)
    for path in fields:
        above = atom
        for length, element in enumerate(path[:-1], 1):
            if above.has_named(element):
                found.add(path[:length])
            above = above.child(element)
    return frozenset(found)

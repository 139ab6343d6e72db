"""JSON values with their schema: the fields that a value has, and the differences of two values. Pure.

An atomic value is one field, whatever it contains; the items of a keyed list are fields identified by their keys.
Follows sigs.k8s.io/structured-merge-diff ``typed``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, NamedTuple

from kubeapi.schema import FieldType, Struct, struct
from kubeapiserver.apply.fieldpath import FIELD, FieldSet, Path, item_element
from kubeapiserver.gotypes import always_present, json_fields

ABSENT: Any = type("Absent", (), {"__repr__": lambda _: "ABSENT"})()
"""The value of a field that is not present; null is present."""


@dataclass(frozen=True, slots=True, eq=False)
class Atom:
    """The type of a value. ``fields`` are a struct's, ``element`` is the type of a map's values or a list's items.

    A ``deduced`` value is a map if it looks like one, and a leaf otherwise. A struct with an ``element`` may have
    fields that it does not name.

    ``always`` has those fields of a struct that Go's JSON always has, with their empty values; Go omits the fields in
    ``dropped`` when they are empty.
    """

    relation: Literal["leaf", "struct", "map", "list", "deduced"]
    fields: dict[str, Atom] = field(default_factory=dict)
    element: Atom | None = None
    keys: tuple[str, ...] = ()
    scalar: str = ""
    always: dict[str, Any] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    elements: dict[str, tuple[str, Atom]] = field(default_factory=dict)
    """The path element and the type of every field in ``fields``."""

    def child(self, element: str) -> Atom:
        """Return the type of the value at a path element."""
        if self.relation == "struct":
            return self.fields.get(element.removeprefix(FIELD), self.element or LEAF)
        return self.element or LEAF

    def named(self, name: str) -> tuple[str, Atom]:
        """Return the path element of a struct's field or a map's key, and the type of its value."""
        return self.elements.get(name) or (FIELD + name, self.element or LEAF)

    def has_named(self, element: str) -> bool:
        """Tell whether a path element is a field that the schema names."""
        return element.removeprefix(FIELD) in self.fields


LEAF = Atom("leaf", scalar="any")


@cache
def atom_of(name: str) -> Atom:
    """Return the type of a struct, such as ``core.v1.Service``."""
    return _struct_atom(name, {})


def _struct_atom(name: str, building: dict[str, Atom]) -> Atom:
    """Return the type of a struct; ``building`` has those that are not complete yet, as a struct may contain itself."""
    known = struct(name)
    if known.is_atomic:
        return LEAF
    if name in building:
        return building[name]
    in_go = json_fields(name).values()
    dropped = frozenset(each.name for each in in_go if each.is_omitted_when_empty and not each.is_pointer)
    atom = building[name] = Atom("struct", always=always_present(name), dropped=dropped)
    for field_name, each in known.fields.items():
        inner = atom.fields[field_name] = _field_atom(known, field_name, each, building)
        atom.elements[field_name] = (FIELD + field_name, inner)
    return atom


def _field_atom(known: Struct, name: str, field_type: FieldType, building: dict[str, Atom]) -> Atom:
    if name in known.atomic:
        return LEAF
    if field_type.kind == "list" and name in known.list_keys and field_type.element:
        return Atom("list", element=_atom(field_type.element, building), keys=known.list_keys[name])
    return _atom(field_type, building)


def _atom(field_type: FieldType, building: dict[str, Atom]) -> Atom:
    match field_type.kind:
        case "struct":
            return _struct_atom(field_type.name, building)
        case "map" if field_type.element:
            return Atom("map", element=_atom(field_type.element, building))
    return Atom("leaf", scalar="any" if field_type.kind.startswith("Schema") else field_type.kind)


def field_set(atom: Atom, value: Any) -> FieldSet:
    """Return the fields that a value has."""
    found: set[Path] = set()
    _collect(atom, value, (), found)
    found.discard(())
    return frozenset(found)


def _collect(atom: Atom, value: Any, path: Path, found: set[Path]) -> None:
    if atom.relation == "leaf":
        found.add(path)
    elif atom.relation == "list":
        for element, items in indexed(atom, value).items():
            found.add((*path, element))
            if len(items) == 1:
                _collect(atom.child(element), items[0], (*path, element), found)
    elif isinstance(value, dict):
        for name, each in value.items():
            below = (*path, FIELD + name)
            _collect(atom.child(FIELD + name), each, below, found)
            if each is None or each == {} or name not in atom.fields:
                found.add(below)
    elif atom.relation == "deduced":
        found.add(path)


def indexed(atom: Atom, items: Any) -> dict[str, list[Any]]:
    """Return a list's items by their path elements, in order; several items at one element are duplicates."""
    found: dict[str, list[Any]] = {}
    for each in items if isinstance(items, list) else ():
        found.setdefault(item_element(each, atom.keys), []).append(each)
    return found


class Comparison(NamedTuple):
    """The fields that were added, removed and modified."""

    added: set[Path]
    removed: set[Path]
    modified: set[Path]

    @property
    def taken(self) -> set[Path]:
        """The fields that have a new value."""
        return self.added | self.modified

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.modified)


def compare(atom: Atom, old: Any, new: Any) -> Comparison:
    """Return the differences of two objects, each read as Go's JSON would write it."""
    result = Comparison(set(), set(), set())
    _compare(atom, old, new, (), result)
    return result


def _compare(atom: Atom, old: Any, new: Any, path: Path, result: Comparison) -> None:
    if old is ABSENT:
        if new is not ABSENT:
            _add(atom, new, path, result.added)
        return
    if old == new:  # compared in C, which leaves only the changed paths to be walked
        return
    before, after = _contents(atom, old), _contents(atom, new)
    if atom.relation == "leaf" or not (before or after or atom.always):
        _compare_leaf(old, new, path, result)
        return
    if atom.relation == "list":
        _compare_items(atom, before, after, path, result)
    else:
        _compare_fields(atom, old, new, path, result)
    if new is ABSENT:
        result.removed.add(path)


def _compare_fields(atom: Atom, old: Any, new: Any, path: Path, result: Comparison) -> None:
    """Compare structs or maps field by field."""
    before, after = _contents(atom, old), _contents(atom, new)
    if atom.relation in ("map", "deduced"):
        for name in before.keys() | after.keys():
            element, child = atom.named(name)
            _compare(child, before.get(name, ABSENT), after.get(name, ABSENT), (*path, element), result)
        return
    has_old, has_new = isinstance(old, dict), isinstance(new, dict)
    for name in before.keys() | after.keys() | atom.always.keys():
        element, child = atom.named(name)
        old_field = _go_field(atom, before, name) if has_old else ABSENT
        new_field = _go_field(atom, after, name) if has_new else ABSENT
        _compare(child, old_field, new_field, (*path, element), result)


def _add(atom: Atom, value: Any, path: Path, added: set[Path]) -> None:
    """Add the fields of a value that was absent before; the same as comparing with ABSENT, but much faster."""
    added.add(path)
    if atom.relation == "list":
        inner = atom.element or LEAF
        for element, items in indexed(atom, value).items():
            if len(items) == 1:
                _add(inner, items[0], (*path, element), added)
            else:
                added.add((*path, element))
    elif atom.relation != "leaf" and isinstance(value, dict):
        is_struct = atom.relation == "struct"
        for name in value.keys() | atom.always.keys() if is_struct else value:
            inside = _go_field(atom, value, name) if is_struct else value[name]
            if inside is not ABSENT:
                element, child = atom.named(name)
                _add(child, inside, (*path, element), added)


def _contents(atom: Atom, value: Any) -> Any:
    """Return the value if it is a container of the atom's kind, an empty container otherwise."""
    container = list if atom.relation == "list" else dict
    return value if isinstance(value, container) else container()


def _go_field(atom: Atom, value: dict[str, Any], name: str) -> Any:
    """Return the value of a struct's field in Go's JSON."""
    found = value.get(name)
    if found or (found == {} and atom.named(name)[1].relation == "struct"):
        return found
    return atom.always.get(name, ABSENT if found is None or name in atom.dropped else found)


def _compare_leaf(old: Any, new: Any, path: Path, result: Comparison) -> None:
    if old is ABSENT:
        result.added.add(path)
    elif new is ABSENT:
        result.removed.add(path)
    elif old != new:
        result.modified.add(path)


def _compare_items(atom: Atom, old: list[Any], new: list[Any], path: Path, result: Comparison) -> None:
    """Compare lists item by item; the duplicates of an item are compared together, as one leaf."""
    before, after = indexed(atom, old), indexed(atom, new)
    for element in dict.fromkeys((*before, *after)):
        below, inner = (*path, element), atom.child(element)
        lefts, rights = before.get(element, []), after.get(element, [])
        if len(lefts) <= 1 and len(rights) <= 1:
            _compare(inner, lefts[0] if lefts else ABSENT, rights[0] if rights else ABSENT, below, result)
        elif len(lefts) > 1 and len(rights) > 1:
            _compare_leaf(lefts, rights, below, result)
        elif len(lefts) > 1:
            if rights:
                _compare(inner, ABSENT, rights[0], below, result)
            result.removed.add(below)
        else:
            if lefts:
                _compare(inner, lefts[0], ABSENT, below, result)
            result.added.add(below)

"""Which types may stand for which, what variables of signatures are bound to (cel-go ``checker/types.go``). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.cel.types import DYN, NULL, Type, is_dyn_or_error

_NULLABLE = frozenset(("opaque", "struct", "duration", "timestamp", "null"))
_COMPOUND = frozenset(("opaque", "list", "map"))


class Bindings(dict[Type, Type]):
    """What type variables stand for."""

    def assign(self, given: Sequence[Type], wanted: Sequence[Type]) -> bool:
        """Bind variables so that each given type is assignable to the wanted one; False, and no change, if not."""
        trial = Bindings(self)
        if not trial._all_assignable(given, wanted):
            return False
        self.update(trial)
        return True

    def substitute(self, of: Type, *, to_dyn: bool = False) -> Type:
        """Return a type with its variables replaced; unbound ones by dyn if ``to_dyn``."""
        if of in self:
            return self.substitute(self[of], to_dyn=to_dyn)
        if of.kind == "param":
            return DYN if to_dyn else of
        if not of.params:
            return of
        return of._replace(params=tuple(self.substitute(each, to_dyn=to_dyn) for each in of.params))

    def _all_assignable(self, given: Sequence[Type], wanted: Sequence[Type]) -> bool:
        return len(given) == len(wanted) and all(map(self._assignable, given, wanted))

    def _assignable(self, given: Type, wanted: Type) -> bool:
        if wanted.kind == "param":
            valid, has_substitution = self._bind(given, wanted)
            if valid or has_substitution:
                return valid
        if given.kind == "param":
            return self._bind(wanted, given)[0]
        if is_dyn_or_error(given) or is_dyn_or_error(wanted):
            return True
        if NULL in (given, wanted):
            return (wanted if given == NULL else given).kind in _NULLABLE
        if given.kind in _COMPOUND:
            is_same = (given.kind, given.name) == (wanted.kind, wanted.name)
            return is_same and self._all_assignable(given.params, wanted.params)
        return given.kind == wanted.kind and (given.kind == "type" or given.name == wanted.name)

    def _bind(self, given: Type, variable: Type) -> tuple[bool, bool]:
        """Return whether a type can stand for a variable, and whether the variable was bound before."""
        if given == variable:
            return True, True
        known = self.get(variable)
        if known is not None:
            if given == known:
                return True, True
            if not self._assignable(given, known):
                return False, True
            general = most_general(given, known)
            if not self._occurs(variable, general):
                self[variable] = general
            return True, True
        if self._occurs(variable, given):
            return False, False
        self[variable] = given
        return True, False

    def _occurs(self, variable: Type, within: Type) -> bool:
        if variable == within:
            return True
        if within.kind == "param":
            return within in self and self._occurs(variable, self[within])
        return any(self._occurs(variable, each) for each in within.params)


def most_general(one: Type, other: Type) -> Type:
    """Return the more general of two types that agree."""
    return one if _is_equal_or_less_specific(one, other) else other


def _is_equal_or_less_specific(one: Type, other: Type) -> bool:
    if one.kind in ("dyn", "param"):
        return True
    if other.kind in ("dyn", "param") or one.kind != other.kind:
        return False
    if one.kind == "type":
        return True
    is_same = one.name == other.name and len(one.params) == len(other.params)
    return is_same and all(map(_is_equal_or_less_specific, one.params, other.params))

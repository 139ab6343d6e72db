"""What is known while an expression is checked: variables, bound types, faults (cel-go ``checker/env.go``). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubeapi.cel.checking.unification import Bindings, most_general
from kubeapi.cel.environment import Environment
from kubeapi.cel.faults import Fault
from kubeapi.cel.types import DYN, ERROR, Type, param


class Typing:
    """The state of one check; ``faults`` are what it finds, ``named`` the variables that the expression reads.

    ``items`` are those of literals that must have one type: where each is, the type of the first, and its own.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._scopes: list[Mapping[str, Type]] = []
        self._count = 0
        self.bindings = Bindings()
        self.faults: list[Fault] = []
        self.items: list[tuple[int, Type, Type]] = []
        self.named: set[str] = set()

    def enter(self, names: Mapping[str, Type]) -> None:
        """Begin a scope with variables of its own."""
        self._scopes.append(names)

    def leave(self) -> None:
        """End the last scope."""
        self._scopes.pop()

    def fault(self, at: int, message: str) -> Type:
        """Note a fault; return the type of what has one."""
        self.faults.append(Fault(at, message))
        return ERROR

    def undeclared(self, at: int, name: str) -> Type:
        """Note that nothing has a name."""
        return self.fault(at, f"undeclared reference to '{name}' (in container '')")

    def variable(self, name: str) -> Type | None:
        """Return the type of a variable, None if there is none; one that begins with a dot is of no loop."""
        plain = name.removeprefix(".")
        for scope in reversed(self._scopes) if plain == name else ():
            if name in scope:
                return scope[name]
        found = self._environment.variables.get(plain)
        if found is not None:
            self.named.add(plain)
        return found

    def is_type(self, at: int, given: Type, wanted: Type) -> bool:
        """Tell whether a type is the wanted one, and note a fault if not."""
        if self.bindings.assign([given], [wanted]):
            return True
        self.fault(at, f"expected type '{wanted}' but found '{given}'")
        return False

    def joined(self, before: Type | None, given: Type) -> Type:
        """Return the type that both the items before and another one have."""
        if before is None:
            return given
        return most_general(before, given) if self.bindings.assign([before], [given]) else DYN

    def mixed(self) -> list[Fault]:
        """Return the faults of literals whose items have several types: faults only if there is no other."""
        found: list[Fault] = []
        for at, *types in self.items:
            first, own = (self.bindings.substitute(each, to_dyn=True) for each in types)
            if first != own:
                found.append(Fault(at, f"expected type '{first}' but found '{own}'"))
        return found

    def fresh(self) -> Type:
        """Return a variable that no other type has."""
        self._count += 1
        return param(f"_var{self._count - 1}")

    def freshened(self, types: Iterable[Type]) -> list[Type]:
        """Return the types of a signature with variables of their own."""
        fresh: dict[Type, Type] = {}

        def renamed(of: Type) -> Type:
            if of.kind == "param" and of not in fresh:
                fresh[of] = self.fresh()
            if of in fresh:
                return fresh[of]
            return of._replace(params=tuple(map(renamed, of.params))) if of.params else of

        return [renamed(each) for each in types]

"""What is in the tables of one family, part by part, and which messages lead from one state to the next. Pure.

A part belongs to one Service port, or to all of them. Its chains and sets are its own, entries of named sets are
counted, as several parts may have the same. A chain that is gone is emptied at once and removed later: before Linux 6.2
the kernel takes a moment to see that no entry leads to it any more (as kube-proxy has found). Entries of
``lasting`` sets are removed later, too: one base chain may need them for what another has decided by the tables before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kubehost.netlink import Message
from kubeproxy.nft.netlink import messages as to
from kubeproxy.nft.netlink.expressions import verdict_of
from kubeproxy.nft.netlink.forms import (
    DATA,
    DYNAMIC,
    MAP,
    TIMEOUT,
    TYPE_VERDICT,
    Family,
    SetForm,
    element,
    key_form,
    packed_key,
)
from kubeproxy.nft.netlink.messages import Hook
from kubeproxy.nft.statements import Field, Rule, Verdict

Owner = Hashable
"""Names a part."""


class Chain(NamedTuple):
    """The rules of a chain, with the hook of a base chain."""

    rules: tuple[Rule, ...]
    hook: Hook | None = None


class NamedSet(NamedTuple):
    """A set by name, or a map of verdicts; one with a time-out is filled by rules."""

    name: str
    key: tuple[Field, ...]
    is_map: bool = False
    has_timeout: bool = False

    def form(self, family: Family) -> SetForm:
        """Return its form in the kernel."""
        kind, length = key_form(family, self.key)
        if self.is_map:
            return SetForm(MAP, kind, length, TYPE_VERDICT)
        if self.has_timeout:
            # Without a size it holds 65,535 clients and grows; with one the kernel takes the memory for all (1 MiB).
            return SetForm(TIMEOUT | DYNAMIC, kind, length)
        return SetForm(0, kind, length)


class Entry(NamedTuple):
    """An element of a named set: addresses, protocols and ports; of a map with its verdict."""

    set_name: str
    key: tuple[str | int, ...]
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What a Service port has in the tables."""

    chains: Mapping[str, Chain] = field(default_factory=dict)
    sets: tuple[NamedSet, ...] = ()
    entries: frozenset[Entry] = frozenset()


EMPTY = Part()


class Step(NamedTuple):
    """Messages for one part; steps are obeyed in their order, best in one transaction."""

    owner: Owner
    messages: tuple[Message, ...]


class Tables:
    """The state of one family, as of the last ``accept``."""

    def __init__(self, family: Family, lasting: Collection[str] = ()) -> None:
        self.family = family
        self.parts: dict[Owner, Part] = {}
        self.stale: dict[str | Entry, None] = {}
        """Chains that are empty, and entries of lasting sets, that wait to be removed, the oldest first."""
        self._lasting = lasting
        self._counts: Counter[Entry] = Counter()

    def plan(self, wanted: Mapping[Owner, Part]) -> list[Step]:
        """Return what makes the parts in ``wanted`` so; EMPTY removes one.

        First goes what is gone, so that what two parts exchange is free when the other one takes it.
        """
        pairs = [(owner, self.parts.get(owner, EMPTY), part) for owner, part in wanted.items()]
        gone, come = self._turnover(pairs)
        steps = [Step(owner, tuple(self._removed(old, gone))) for owner, old, _ in pairs]
        steps += [Step(owner, tuple(self._made(old, new, come))) for owner, old, new in pairs]
        return [each for each in steps if each.messages]

    def accept(self, wanted: Mapping[Owner, Part]) -> None:
        """Note that the kernel has done what ``plan`` returned for ``wanted``."""
        for owner, new in wanted.items():
            old = self.parts.pop(owner, EMPTY)
            self._counts.subtract(old.entries - new.entries)
            self._counts.update(new.entries - old.entries)
            for entry in old.entries - new.entries:
                if not self._counts[entry]:
                    del self._counts[entry]
                    if entry.set_name in self._lasting:
                        self.stale[entry] = None
            self.stale.update(dict.fromkeys(each for each in old.chains if each not in new.chains))
            if self.stale:
                used: list[str | Entry] = [*new.chains, *new.entries]
                for each in used:
                    self.stale.pop(each, None)
            if new is not EMPTY:
                self.parts[owner] = new

    def remove_stale(self, found: Iterable[str | Entry]) -> tuple[Message, ...]:
        """Return what removes those of ``found`` that are still unused, and forget them."""
        unused = [each for each in found if each in self.stale]
        for each in unused:
            del self.stale[each]
        chains = [to.delete_chain(self.family, each) for each in unused if isinstance(each, str)]
        return (*self._deleted(each for each in unused if isinstance(each, Entry)), *chains)

    def _turnover(self, pairs: Iterable[tuple[Owner, Part, Part]]) -> tuple[set[Entry], set[Entry]]:
        """Return which entries go, and which come."""
        change: Counter[Entry] = Counter()
        for _, old, new in pairs:
            change.update(new.entries - old.entries)
            change.subtract(old.entries - new.entries)
        before = self._counts
        gone = {each for each, by in change.items() if by < 0 and before[each] + by <= 0}
        come = {each for each, by in change.items() if by > 0 and not before[each]}
        return gone, come

    def _removed(self, old: Part, gone: set[Entry]) -> Iterator[Message]:
        yield from self._deleted(
            each for each in _taken(old.entries & gone, gone) if each.set_name not in self._lasting
        )

    def _deleted(self, entries: Iterable[Entry]) -> Iterator[Message]:
        for set_name, elements in _by_set(entries):
            yield from to.delete_elements(self.family, set_name, elements)

    def _made(self, old: Part, new: Part, come: set[Entry]) -> Iterator[Message]:
        family = self.family
        changed = {name: each for name, each in new.chains.items() if each != old.chains.get(name)}
        for name in old.chains:
            if name in changed or name not in new.chains:
                yield to.flush_chain(family, name)
        yield from self._changed_sets(old, new)
        for name, chain in changed.items():
            if name not in old.chains:
                yield to.new_chain(family, name, chain.hook)
        for name, chain in changed.items():
            for rule in chain.rules:
                yield from to.add_rule(family, name, rule)
        for set_name, elements in _by_set(_taken(new.entries & come, come)):
            yield from to.add_elements(family, set_name, elements)

    def _changed_sets(self, old: Part, new: Part) -> Iterator[Message]:
        yield from (to.delete_set(self.family, each.name) for each in old.sets if each not in new.sets)
        yield from (
            to.new_set(self.family, each.name, each.form(self.family)) for each in new.sets if each not in old.sets
        )


def _taken(entries: Iterable[Entry], waiting: set[Entry]) -> Iterator[Entry]:
    """Yield entries, and take them out of ``waiting``: another part may have the same."""
    for entry in entries:
        waiting.discard(entry)
        yield entry


def _by_set(entries: Iterable[Entry]) -> Iterator[tuple[str, list[bytes]]]:
    """Yield the elements by set."""
    found: dict[str, list[bytes]] = {}
    for entry in entries:
        data = verdict_of(DATA, entry.verdict) if entry.verdict is not None else b""
        found.setdefault(entry.set_name, []).append(element(packed_key(entry.key), data))
    yield from found.items()

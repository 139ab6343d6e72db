"""What an explanation is made of: sentences, each with its weight. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Weight(StrEnum):
    """How much a finding matters: traffic is lost, something looks wrong, or it is just so."""

    PROBLEM = "problem"
    HINT = "hint"
    NOTE = "note"


class Finding(NamedTuple):
    """One sentence about a Service."""

    weight: Weight
    text: str


def problem(text: str) -> Finding:
    """Return a finding because of which traffic is refused or lost."""
    return Finding(Weight.PROBLEM, _sentence(text))


def hint(text: str) -> Finding:
    """Return a finding that may be meant so, but mostly is not."""
    return Finding(Weight.HINT, _sentence(text))


def note(text: str) -> Finding:
    """Return a finding that explains what the Service is or does."""
    return Finding(Weight.NOTE, _sentence(text))


def _sentence(text: str) -> str:
    """Return the text with one full stop; some of what is repeated in it has one already."""
    return text.rstrip(". \n") + "."


def grouped(items: Iterable[T], key: Callable[[T], str]) -> list[tuple[str, Sequence[T]]]:
    """Return the items by what ``key`` says of them, those of which it says "" left out, in the order of the first."""
    groups: dict[str, list[T]] = {}
    for each in items:
        if said := key(each):
            groups.setdefault(said, []).append(each)
    return list(groups.items())

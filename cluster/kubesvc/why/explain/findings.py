"""What an explanation is made of: sentences, each with its weight. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Weight(StrEnum):
    """How much a finding matters: clients fail, something looks wrong, or it only explains."""

    PROBLEM = "problem"
    HINT = "hint"
    NOTE = "note"


class Finding(NamedTuple):
    """One sentence about a Service."""

    weight: Weight
    text: str


def problem(text: str) -> Finding:
    """Return a finding that makes clients fail."""
    return Finding(Weight.PROBLEM, _sentence(text))


def hint(text: str) -> Finding:
    """Return a finding that is usually a mistake, but may be intended."""
    return Finding(Weight.HINT, _sentence(text))


def note(text: str) -> Finding:
    """Return a finding that explains what the Service is or does."""
    return Finding(Weight.NOTE, _sentence(text))


def _sentence(text: str) -> str:
    """Return the text with one full stop at the end; messages of components may bring one."""
    return text.rstrip(". \n") + "."


def grouped(items: Iterable[T], key: Callable[[T], str]) -> list[tuple[str, Sequence[T]]]:
    """Return the items grouped by ``key``, in the order of first appearance; items with the key "" are left out."""
    groups: dict[str, list[T]] = {}
    for each in items:
        if group := key(each):
            groups.setdefault(group, []).append(each)
    return list(groups.items())

"""Patches of long lists cost in proportion to their length: a Service of 20,000 ports must not hold up the cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubeapi.meta import JSON
from kubeapi.patch.strategic import strategic_merge
from kubeapi.schema import struct_of
from kubeapi.scheme import PODS, SERVICES
from kubemanifest.clientapply import three_way_patch

LENGTH = 2000


class Counted(str):
    """A text that counts how often it is compared."""

    __slots__ = ()
    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def items(count: int = LENGTH) -> list[JSON]:
    return [{"port": Counted(number), "protocol": "TCP"} for number in range(count)]


def texts(count: int = LENGTH) -> list[Any]:
    return [Counted(number) for number in range(count)]


def spec(ports: list[JSON], **more: object) -> JSON:
    return {"spec": {"ports": ports, **more}}


def finalizers(names: list[Any], **more: object) -> JSON:
    return {"metadata": {"finalizers": names, **more}}


CASES: dict[str, Callable[[], object]] = {
    "merge": lambda: strategic_merge(spec(items()), spec(items()), struct_of(SERVICES)),
    "add": lambda: strategic_merge(spec(items(1)), spec(items()), struct_of(SERVICES)),
    "reorder": lambda: strategic_merge(
        spec(items()),
        {"spec": {"$setElementOrder/ports": [{"port": each["port"]} for each in reversed(items())]}},
        struct_of(SERVICES),
    ),
    "delete": lambda: strategic_merge(
        spec(items()), spec([{"$patch": "delete", "port": each["port"]} for each in items()]), struct_of(SERVICES)
    ),
    "delete from a set": lambda: strategic_merge(
        finalizers(texts()), {"metadata": {"$deleteFromPrimitiveList/finalizers": texts()}}, struct_of(PODS)
    ),
    "apply": lambda: three_way_patch(spec(items()), spec(items()), spec(items()), struct_of(SERVICES)),
    "apply a set": lambda: three_way_patch(
        finalizers(texts()), finalizers(texts()), finalizers(texts()), struct_of(PODS)
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_items_are_compared_a_few_times_each(case: str) -> None:
    Counted.comparisons = 0
    CASES[case]()
    assert Counted.comparisons < 20 * LENGTH

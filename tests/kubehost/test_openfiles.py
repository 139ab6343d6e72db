from __future__ import annotations

import resource

import pytest

from kubehost import openfiles
from kubehost.openfiles import ENOUGH, shortage

INFINITY = resource.RLIM_INFINITY


class Kernel:
    """The limit of one process; its hard limit is raised only where that is allowed, and never beyond fs.nr_open."""

    def __init__(self, soft: int, hard: int, *, may_raise: bool, nr_open: int = ENOUGH) -> None:
        self.limits = (soft, hard)
        self._may_raise = may_raise
        self._nr_open = nr_open

    def getrlimit(self, which: int) -> tuple[int, int]:
        assert which == resource.RLIMIT_NOFILE
        return self.limits

    def setrlimit(self, which: int, limits: tuple[int, int]) -> None:
        assert which == resource.RLIMIT_NOFILE
        hard = self.limits[1]
        is_higher = hard != INFINITY and (limits[1] == INFINITY or limits[1] > hard)
        if is_higher and not (self._may_raise and limits[1] <= self._nr_open):
            raise ValueError("not allowed to raise maximum limit")
        self.limits = limits


@pytest.mark.parametrize(
    ("kernel", "limits"),
    [
        pytest.param(Kernel(1024, 20_000, may_raise=False), (20_000, 20_000), id="a user, up to the hard limit"),
        pytest.param(Kernel(20_000, 20_000, may_raise=True), (ENOUGH, ENOUGH), id="root, beyond it"),
        pytest.param(Kernel(1024, 5000, may_raise=True, nr_open=9000), (5000, 5000), id="root, where nr_open is less"),
        pytest.param(Kernel(1024, INFINITY, may_raise=False), (ENOUGH, INFINITY), id="no hard limit"),
        pytest.param(Kernel(1024, 2 * ENOUGH, may_raise=False), (ENOUGH, 2 * ENOUGH), id="more than enough"),
        pytest.param(Kernel(INFINITY, INFINITY, may_raise=True), (INFINITY, INFINITY), id="no limit"),
    ],
)
def test_as_many_open_files_are_taken_as_may_be(
    kernel: Kernel, limits: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", kernel.getrlimit)
    monkeypatch.setattr(resource, "setrlimit", kernel.setrlimit)
    openfiles.raise_limit()
    assert kernel.limits == limits
    assert openfiles.limit() == (ENOUGH if limits[0] == INFINITY else limits[0])


@pytest.mark.parametrize(
    ("addresses", "files", "is_short"),
    [
        (10, 1024, False),
        (768, 1024, False),
        (769, 1024, True),
        (18_976, 20_000, False),
        (18_977, 20_000, True),
        (30_001, 20_000, True),
        (30_001, ENOUGH, False),
    ],
)
def test_too_few_open_files_are_told_before_somebody_is_refused(addresses: int, files: int, is_short: bool) -> None:
    assert bool(shortage(addresses, files)) is is_short


def test_the_numbers_are_told() -> None:
    assert shortage(30_001, 20_000).startswith("20,000 open files are too few for the 30,001 addresses of Services")

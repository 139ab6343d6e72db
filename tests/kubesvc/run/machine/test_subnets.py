"""Address ranges of a cluster's own: chosen, held and kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kubehost.addresses import is_loopback
from kubeproxy.portowner import OpenSocket
from kubesvc.addresses.plan import BLOCKS, USUAL, AddressPlan
from kubesvc.run.machine import subnets
from kubesvc.run.machine.subnets import AUTO, DEFAULT, SubnetsError, claim
from kubesvc.state.directory import StateDirectory
from kubesvc.state.kept import keep_plan, kept_plan

HOLD = """
import sys
from pathlib import Path
from kubesvc.run.machine.subnets import claim
from kubesvc.state.directory import StateDirectory
from kubesvc.state.kept import keep_plan, kept_plan
state = StateDirectory(sys.argv[1], Path(sys.argv[2]))
with state.locked(), claim(state, "auto") as claimed:
    keep_plan(state, claimed.plan)
    print(claimed.plan.block, flush=True)
    sys.stdin.read()
"""

Make = Callable[[str], StateDirectory]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(name: str) -> StateDirectory:
        state = StateDirectory(name, tmp_path)
        state.path.mkdir()
        return state

    return made


def test_without_the_option_a_cluster_has_the_usual_addresses(make: Make) -> None:
    with claim(make("one")) as one, claim(make("two"), DEFAULT) as two:
        assert one.plan == two.plan == USUAL


def test_each_cluster_gets_a_block_of_its_own_until_it_ends(make: Make) -> None:
    with claim(make("one"), AUTO) as one, claim(make("two"), AUTO) as two:
        assert one.plan.block != two.plan.block
        assert {one.plan.block, two.plan.block} <= set(BLOCKS)
    with claim(make("three"), AUTO) as three:
        assert three.plan == one.plan


def test_what_is_kept_comes_again_and_is_not_given_to_others_while_there_are_more(make: Make) -> None:
    one = make("one")
    with claim(one, AUTO) as before:
        keep_plan(one, before.plan)
    with claim(make("two"), AUTO) as two, claim(one) as again:
        assert again.plan == before.plan == kept_plan(one)
        assert two.plan != before.plan


def test_clusters_of_other_processes_have_other_blocks_and_are_named(make: Make, tmp_path: Path) -> None:
    mine = make("mine")
    command = [sys.executable, "-c", HOLD, "theirs", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        theirs = int(process.stdout.readline())
        with claim(mine, AUTO) as claimed:
            assert claimed.plan.block != theirs
        keep_plan(mine, AddressPlan(theirs))
        with pytest.raises(SubnetsError) as refusal:
            claim(mine)
        assert str(refusal.value) == (
            f'the addresses of cluster "mine", 127.{theirs}.0.0 to 127.{theirs + 3}.255.255, were given to cluster '
            f'"theirs" (pid {process.pid}) while it did not run: stop that one, or forget this one with '
            "`kubesvc down --purge --name mine` and start it again with --subnets auto"
        )
        process.communicate("")
    with claim(mine) as claimed:
        assert claimed.plan == AddressPlan(theirs)


@pytest.mark.parametrize(
    ("block", "asked", "before"),
    [(0, AUTO, "the addresses of its configuration"), (BLOCKS[0], DEFAULT, "--subnets auto")],
)
def test_a_cluster_that_has_objects_keeps_its_addresses(make: Make, block: int, asked: str, before: str) -> None:
    state = make("shop")
    keep_plan(state, AddressPlan(block))
    state.database.touch()
    with pytest.raises(SubnetsError, match=f'^cluster "shop" has objects of earlier runs at {before}; `kubesvc down'):
        claim(state, asked)
    with claim(state) as claimed:
        assert claimed.plan.block == block


def test_a_block_in_which_somebody_serves_is_not_free(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    sockets = [OpenSocket("UDP", f"127.{BLOCKS[0] + 2}.1.1", 5000, "1"), OpenSocket("TCP", "10.0.0.1", 80, "2")]
    assert is_loopback(sockets[0].address)
    monkeypatch.setattr(subnets, "read_sockets", lambda _tables: iter(sockets))
    with claim(make("one"), AUTO) as claimed:
        assert claimed.plan.block == BLOCKS[1]


def test_when_all_blocks_are_held_it_says_so(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subnets, "BLOCKS", BLOCKS[:1])
    with (
        claim(make("one"), AUTO),
        pytest.raises(SubnetsError, match=r"^all 1 address ranges for --subnets auto are in use: stop a cluster$"),
    ):
        claim(make("two"), AUTO)


@pytest.mark.parametrize("text", ["", "x", "0", "97", "5"])
def test_a_kept_block_that_is_none_is_no_block(make: Make, text: str) -> None:
    state = make("shop")
    (state.path / "addresses").write_text(text)
    assert kept_plan(state) == USUAL

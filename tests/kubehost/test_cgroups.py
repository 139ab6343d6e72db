"""Where control groups may be made, and what is written into them, on folders that look like those of the kernel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubehost.io.cgroups import Cgroups, Delegation, find_delegation

OTHER = "999999999"
"""A process that has nothing to do with this one."""


class Kernel:
    """A tree of groups below a folder, in which this process is in ``own``."""

    def __init__(self, folder: Path, own: str, *, mounted: bool = True) -> None:
        self.mounted, self.proc = folder / "cgroup", folder / "proc"
        self.proc.mkdir()
        cgroup = f"31 24 0:27 / {self.mounted} rw,nosuid - cgroup2 cgroup2 rw\n" if mounted else ""
        (self.proc / "mountinfo").write_text(f"24 1 0:22 / /sys rw - sysfs sysfs rw\n{cgroup}")
        (self.proc / "cgroup").write_text(f"4:memory:/elsewhere\n0::{own}\n")

    def group(self, path: str, *, offers: str = "", gives: str = "", processes: str = "") -> Path:
        folder = self.mounted / path.strip("/")
        folder.mkdir(parents=True)
        files = {"cgroup.controllers": offers, "cgroup.subtree_control": gives, "cgroup.procs": processes}
        for name, text in files.items():
            (folder / name).write_text(text)
        if path != "/":
            (folder / "cgroup.type").write_text("domain\n")
        return folder

    def delegation(self) -> Delegation:
        return find_delegation(self.proc)


def test_without_cgroup_v2_it_is_said(tmp_path: Path) -> None:
    assert Kernel(tmp_path, "/", mounted=False).delegation().why_not == "there is no cgroup v2"
    assert find_delegation(tmp_path / "nothing").why_not.startswith("cgroup v2 cannot be read: No such file")


def test_a_group_without_the_controllers_is_named(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "/")
    root = kernel.group("/", offers="hugetlb")
    assert kernel.delegation().why_not == f"cgroup v2 has no controller for cpu, memory, pids in {root}"


def test_the_root_may_keep_its_processes(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "/")
    root = kernel.group("/", offers="cpuset cpu memory", processes=OTHER)
    assert kernel.delegation() == Delegation(root, ("cpu", "memory"))


def test_a_folder_further_up_is_taken_where_other_processes_are_in_the_way(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "/user/app/terminal.scope")
    user = kernel.group("/user", offers="cpu memory pids")
    kernel.group("/user/app", offers="memory pids", gives="", processes=OTHER)
    kernel.group("/user/app/terminal.scope", offers="memory pids", processes=f"{OTHER}\n{os.getpid()}\n")
    assert kernel.delegation() == Delegation(user, ("cpu", "memory", "pids"))


def test_controllers_that_are_given_already_need_no_empty_folder(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "/app")
    app = kernel.group("/app", offers="cpu memory", gives="memory", processes=OTHER)
    assert kernel.delegation() == Delegation(app, ("memory",))


def test_this_process_and_its_family_make_room(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "/run.scope")
    scope = kernel.group("/run.scope", offers="cpu", processes=f"{os.getpid()}\n{os.getppid()}\n")
    delegation = kernel.delegation()
    assert delegation == Delegation(scope, ("cpu",))
    below = scope / "kubesvc"
    below.mkdir()
    assert Cgroups.make(delegation, "web").controllers == {"cpu"}
    assert (below / "cgroup.procs").read_text() == str(os.getppid())  # the kernel moves each that is written


def test_what_ended_clusters_have_left_is_removed_where_it_is_empty(tmp_path: Path) -> None:
    (tmp_path / "cgroup.subtree_control").write_text("")
    empty, used = tmp_path / f"kubesvc-shop-{OTHER}", tmp_path / f"kubesvc-web-{OTHER}"
    running = tmp_path / f"kubesvc-web-{os.getppid()}"
    for each in (empty, used, running):
        (each / "pod" / "app").mkdir(parents=True)
    (used / "pod" / "app" / "cgroup.procs").write_text("7")  # no real group with a process can be removed either
    found = Cgroups.make(Delegation(tmp_path, ("cpu",)), "web")
    assert found.folder.name == f"kubesvc-web-{os.getpid()}"
    assert {each.name for each in tmp_path.glob("kubesvc-*")} == {used.name, running.name, found.folder.name}


def test_a_path_outside_of_this_namespace_is_its_root(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "/../other")
    root = kernel.group("/", offers="cpu")
    assert kernel.delegation() == Delegation(root, ("cpu",))


def test_nothing_is_delegated_where_all_folders_are_taken(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "/a")
    own = kernel.group("/a", offers="cpu", processes=OTHER)
    assert kernel.delegation().why_not == f"this user may not write {own}, or other processes are in it"
    assert not Cgroups.make(kernel.delegation(), "web").controllers


@pytest.fixture
def cgroups(tmp_path: Path) -> Cgroups:
    (tmp_path / "cgroup.subtree_control").write_text("")
    return Cgroups.make(Delegation(tmp_path, ("cpu", "memory")), "web")


def test_a_containers_group_gets_the_settings_of_the_files_that_are_there(
    cgroups: Cgroups, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Path.mkdir

    def mkdir(folder: Path, *args: object, **options: bool) -> None:
        make(folder, **options)
        for name in ("cpu.max", "memory.max", "pids.max"):
            (folder / name).write_text("max")

    monkeypatch.setattr(Path, "mkdir", mkdir)
    wanted = {"cpu.max": "5000 100000", "memory.max": "64", "memory.swap.max": "0", "pids.max": "7"}
    group = cgroups.add("uid", "app", {"cpu.max": "7000 100000"}, wanted)
    assert group == cgroups.folder / "uid" / "app"
    files = {each.name: each.read_text() for each in group.iterdir()}
    assert files == {"cpu.max": "5000 100000", "memory.max": "64", "pids.max": "max"}
    assert (group.parent / "cgroup.subtree_control").read_text() in ("+cpu", "+memory")
    assert (group.parent / "cpu.max").read_text() == "7000 100000"


def test_a_group_that_still_has_a_process_makes_room_for_the_next_of_its_name(cgroups: Cgroups) -> None:
    first = cgroups.add("uid", "app", {}, {})
    (first / "cgroup.procs").write_text("7")
    assert cgroups.add("uid", "app", {}, {}) == first.with_name("app.1")


@pytest.mark.parametrize(("events", "killed"), [("oom 1\noom_kill 2\n", True), ("oom 0\noom_kill 0\n", False)])
def test_a_group_tells_at_its_end_whether_its_memory_was_used_up(cgroups: Cgroups, events: str, killed: bool) -> None:
    group = cgroups.add("uid", "app", {}, {})
    (group / "memory.events").write_text(events)
    assert cgroups.remove(group) is killed

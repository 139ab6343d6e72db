"""What a container sees of the file system, and what it may do: as root, and as a user that has but one id."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.kubelet.containers import NOT_MADE, USERS, ContainerPlace

from kubelet.spec.sandbox import Mount, Root

NET_RAW = 13


def names_in(folder: str) -> list[str]:
    return sorted(each.name for each in Path(folder).iterdir())


@pytest.fixture(params=USERS, ids=lambda user: f"uid {user}")
def place(request: pytest.FixtureRequest) -> Iterator[ContainerPlace]:
    folder = Path(tempfile.mkdtemp())
    os.chown(folder, request.param, -1)
    try:
        yield ContainerPlace(folder, request.param)
    finally:
        shutil.rmtree(folder)


def test_a_container_has_processes_devices_and_a_network_of_its_own_and_the_machines_programs(
    place: ContainerPlace,
) -> None:
    done = place.sh(Root(), "echo /proc/[0-9]*; ls /dev /sys/class/net; id -u; echo x > /dev/null; cat < /dev/stdin")
    processes, *rest, user = done.out.splitlines()
    assert processes.split()[0] == "/proc/1" and len(processes.split()) < 5
    assert {"null", "urandom", "pts", "shm", "stdout", "lo"} <= set(rest)
    assert "mem" not in rest and "kmsg" not in rest
    assert user == "0" and done.error == ""


@pytest.mark.parametrize(
    "target",
    [
        *("/etc/app/config", "/data", "/no/such/folder", "/home/x/y", "/root/.kubesvc-test/x"),
        *("/var/run/secrets/kubernetes.io", "/usr/share/x"),
    ],
)
def test_a_volume_is_mounted_at_any_path_and_the_machine_keeps_no_trace(place: ContainerPlace, target: str) -> None:
    before = names_in("/")
    volume = place.make("volume")
    place.make("volume/file", "text\n")
    done = place.sh(
        Root((Mount(target, volume),)), f"cat {target}/file; echo more > {target}/new; head -n1 /etc/passwd"
    )
    assert done.out == "text\nroot:x:0:0:root:/root:/bin/bash" and not done.error
    assert Path(volume, "new").read_text() == "more\n"
    assert names_in("/") == before and not os.path.lexists(target)  # Path.exists() raises where a folder is closed


def test_the_neighbours_of_a_mount_point_stay_what_they_are(place: ContainerPlace) -> None:
    root = Root(tuple(Mount(f"{each}/kubesvc-volume") for each in ("/etc", "/", "/usr/share", "/var/lib")))
    for folder in ("/etc", "/", "/usr/share", "/var/lib"):
        seen = place.sh(root, f"ls -A {folder}").out.splitlines()
        assert sorted(each for each in seen if each != "kubesvc-volume") == names_in(folder)


def test_a_developers_folder_keeps_what_a_program_writes_beside_a_mount_point(place: ContainerPlace) -> None:
    app, volume = place.make("app"), place.make("volume")
    place.make("app/log", "")
    assert place.sh(Root((Mount(f"{app}/config", volume),)), f"echo ran > {app}/log; touch {app}/config/x").code == 0
    assert Path(app, "log").read_text() == "ran\n"
    assert names_in(app) == ["log"] and names_in(volume) == ["x"]


def test_a_file_is_mounted_on_a_file_through_the_link_that_names_it(place: ContainerPlace) -> None:
    file, link, target = place.make("mine", "mine"), place.folder / "link", place.make("target", "the machine's")
    link.symlink_to(target)
    assert place.sh(Root((Mount(str(link), file),)), f"cat {target}").out == "mine"
    assert Path(target).read_text() == "the machine's"


def test_mounts_below_others_are_made_in_their_order(place: ContainerPlace) -> None:
    outer, inner = place.make("outer"), place.make("inner")
    place.make("inner/file", "inner")
    root = Root((Mount("/data", outer), Mount("/data/deep/er", inner, is_read_only=True)))
    done = place.sh(root, "cat /data/deep/er/file; touch /data/a; touch /data/deep/er/b")
    assert done.out == "inner" and "Read-only file system" in done.error
    assert names_in(outer) == ["a", "deep"]


def test_a_volume_in_memory_has_its_size(place: ContainerPlace) -> None:
    done = place.sh(Root((Mount("/cache", size=1 << 20),)), "head -c 2M /dev/zero > /cache/x; stat -c %s /cache/x")
    assert done.out == str(1 << 20) and "No space left on device" in done.error


def test_tmp_is_its_own_but_for_what_is_kept(place: ContainerPlace) -> None:
    own, kept = place.make("own", mode=0o1777), str(place.folder)
    done = place.sh(Root((Mount("/tmp", own), Mount(kept, kept))), f"touch /tmp/mine; ls /tmp; ls {kept}")
    first, *rest = done.out.splitlines()
    assert {first, rest[0]} == {place.folder.name, "mine"} and "sources" in rest
    assert Path(own, "mine").exists() and not Path(tempfile.gettempdir(), "mine").exists()


def test_a_program_can_make_folders_in_the_root_and_the_machine_keeps_no_trace(place: ContainerPlace) -> None:
    assert place.sh(Root(), "mkdir /kubesvc-test && touch /kubesvc-test/x && ls /kubesvc-test").out == "x"
    assert not Path("/kubesvc-test").exists()


def test_a_read_only_folder_in_memory_shows_what_is_mounted_in_it(place: ContainerPlace) -> None:
    file = place.make("file", "text")
    root = Root((Mount("/run", is_read_only=True), Mount("/run/user/file", file)), is_read_only=True)
    done = place.sh(root, "cat /run/user/file; ls /run; touch /run/x")
    assert done.out == "textuser" and "Read-only file system" in done.error


def test_the_working_directory_is_made(place: ContainerPlace) -> None:
    assert place.sh(Root(working_dir="/app/deep"), "pwd; touch file; ls").out == "/app/deep\nfile"
    assert not Path("/app").exists()


def test_a_read_only_root_can_be_written_in_its_volumes_alone(place: ContainerPlace) -> None:
    volume, tmp = place.make("volume"), place.make("tmp", mode=0o777)
    root = Root((Mount("/tmp", tmp, is_read_only=True), Mount("/data", volume)), is_read_only=True)
    script = (
        f"for each in / /etc /tmp /dev/shm /data {place.folder}; do touch $each/new 2> /dev/null && echo $each; done"
    )
    assert place.sh(root, script).out.split() == ["/dev/shm", "/data"]


def test_a_hundred_volumes_are_mounted(place: ContainerPlace) -> None:
    volume = place.make("volume")
    place.make("volume/file", "text")
    root = Root(tuple(Mount(f"/etc/volumes/{number}", volume) for number in range(100)))
    assert place.sh(root, "cat /etc/volumes/*/file").out == "text" * 100


def test_a_folder_of_the_machine_is_shown_without_what_the_container_has_in_it(place: ContainerPlace) -> None:
    machines, own = place.make("machines"), place.make("own")
    place.make("machines/tmp/file", "the machine's")
    place.make("own/file", "its own")
    for target in ("/machine", f"{machines}/tmp/machine"):
        root = Root((Mount(f"{machines}/tmp", own), Mount(target, f"{machines}/tmp")))
        said = place.sh(root, f"cat {target}/file {machines}/tmp/file; echo more > {target}/{Path(target).name}.more")
        assert said.out == "the machine'sits own"
        assert Path(machines, "tmp", f"{Path(target).name}.more").read_text() == "more\n"


class TestPartOfAVolume:
    def test_is_a_file_or_a_folder_and_made_if_it_is_missing(self, place: ContainerPlace) -> None:
        volume = place.make("volume")
        place.make("volume/a/file", "text")
        root = Root(
            (
                Mount("/etc/file", volume, sub_path="a/file"),
                Mount("/folder", volume, sub_path="a"),
                Mount("/new", volume, sub_path="b/c"),
            )
        )
        assert place.sh(root, "cat /etc/file /folder/file; touch /new/made").out == "texttext"
        assert Path(volume, "b/c/made").exists()

    def test_has_the_mode_of_the_volume_where_it_is_made(self, place: ContainerPlace) -> None:
        volume = place.make("volume", mode=0o2777)
        root = Root((Mount("/new", volume, sub_path="b/c"),))
        assert place.sh(root, "stat -c %a /new").out == "2777"
        assert [stat.S_IMODE(Path(volume, each).stat().st_mode) for each in ("b", "b/c")] == [0o2777, 0o2777]

    def test_is_followed_by_links_that_stay_in_the_volume(self, place: ContainerPlace) -> None:
        volume = place.make("volume")
        place.make("volume/..data_1/key", "value")
        Path(volume, "..data").symlink_to("..data_1")
        Path(volume, "key").symlink_to("..data/key")
        assert place.sh(Root((Mount("/etc/key", volume, sub_path="key"),)), "cat /etc/key").out == "value"

    @pytest.mark.parametrize("link", ["/etc", "..", "../outside", "/"])
    def test_is_refused_if_a_link_leads_out_of_the_volume(self, place: ContainerPlace, link: str) -> None:
        volume = place.make("volume")
        place.make("outside/passwd", "")
        Path(volume, "link").symlink_to(link)
        for sub_path in ("link", "link/passwd", "../outside"):
            done = place.sh(Root((Mount("/mnt", volume, sub_path=sub_path),)), "true")
            assert done.code == NOT_MADE
            assert done.error == 'failed to prepare subPath for volumeMount "/mnt": not within the volume\n'


class TestARefusal:
    def test_of_a_folder_on_a_file_says_what_to_check(self, place: ContainerPlace) -> None:
        volume = place.make("volume")
        done = place.sh(Root((Mount("/etc/passwd", volume),)), "true")
        assert done.code == NOT_MADE
        assert done.error.startswith(f'error mounting "{volume}" to rootfs at "/etc/passwd": not a directory: Are you')

    def test_of_a_source_that_is_gone_names_it(self, place: ContainerPlace) -> None:
        done = place.sh(Root((Mount("/data", "/no/such"),)), "true")
        assert done.error == 'error mounting "/no/such" to rootfs at "/data": no such file or directory\n'

    def test_of_a_mount_point_in_a_read_only_volume_names_the_place(self, place: ContainerPlace) -> None:
        volume = place.make("volume")
        done = place.sh(Root((Mount("/data", volume, is_read_only=True), Mount("/data/x"))), "true")
        assert done.code == NOT_MADE
        assert done.error == 'error preparing rootfs "/data/x": read-only file system\n'


class TestPrivileges:
    def test_are_those_of_the_container_runtime(self, place: ContainerPlace) -> None:
        wanted = f"{sum(1 << each for each in (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)):016x}"
        lines = place.sh(Root(), "grep Cap /proc/self/status").out.split()
        assert lines == [
            "CapInh:",
            "0" * 16,
            "CapPrm:",
            wanted,
            "CapEff:",
            wanted,
            "CapBnd:",
            wanted,
            "CapAmb:",
            "0" * 16,
        ]

    def test_may_be_fewer(self, place: ContainerPlace) -> None:
        done = place.sh(Root(capabilities=(NET_RAW,)), "grep CapEff /proc/self/status; hostname other")
        assert done.out == f"CapEff:\t{1 << NET_RAW:016x}" and done.error

    def test_do_not_let_a_program_write_the_kernels_settings(self, place: ContainerPlace) -> None:
        done = place.sh(
            Root(), "for each in kernel/core_pattern net/ipv4/ip_forward; do echo 1 > /proc/sys/$each; done"
        )
        assert done.error.count("Read-only file system") == 2

    def test_do_not_let_a_program_change_the_machines_cgroups(self, place: ContainerPlace) -> None:
        script = "for each in /sys /sys/fs/cgroup /sys/fs/cgroup/*; do [ -d $each ] && mkdir $each/x; done"
        done = place.sh(Root(), script)
        assert {each.rpartition(": ")[2] for each in done.error.splitlines()} == {"Read-only file system"}

    def test_of_a_privileged_container_are_all(self, place: ContainerPlace) -> None:
        done = place.sh(Root(is_privileged=True), "hostname other && hostname; echo 0 > /proc/sys/net/ipv4/ip_forward")
        assert done.out == "other" and done.error == ""

    def test_cannot_grow_by_a_set_user_id_program(self, place: ContainerPlace) -> None:
        done = place.sh(Root(has_no_new_privileges=True), "grep NoNewPrivs /proc/self/status")
        assert done.out == "NoNewPrivs:\t1"


class TestAnotherUser:
    ROOT = Root(user=1234, group=5678)

    def test_is_what_the_program_sees_itself_as_without_capabilities(self, place: ContainerPlace) -> None:
        done = place.sh(self.ROOT, "id -u; id -g; grep -E 'Cap(Eff|Prm)' /proc/self/status")
        assert done.out.split() == ["1234", "5678", "CapPrm:", "0" * 16, "CapEff:", "0" * 16]

    def test_writes_a_volume_that_is_open_to_it_and_owns_what_it_wrote(self, place: ContainerPlace) -> None:
        volume = place.make("volume", mode=0o777)
        root = self.ROOT._replace(mounts=(Mount("/data", volume),))
        assert place.sh(root, "touch /data/x; stat -c %u:%g /data/x").out == "1234:5678"

    def test_opens_its_outputs_by_their_names(self, place: ContainerPlace) -> None:
        done = place.sh(self.ROOT, "echo out > /dev/stdout; echo error > /dev/stderr")
        assert (done.out, done.error) == ("out", "error\n")

    def test_has_the_groups_that_the_machine_allows(self, place: ContainerPlace) -> None:
        done = place.sh(self.ROOT._replace(groups=(77,)), "id -G")
        assert done.out.split()[0] == "5678" and ("77" in done.out.split()) == (place.user == 0)


def test_a_read_only_root_leaves_a_volume_with_spaces_in_its_path_writable(place: ContainerPlace) -> None:
    volume = place.make("volume")
    root = Root((Mount("/my data/täglich", volume),), is_read_only=True)
    assert place.sh(root, "touch '/my data/täglich/x' && ls '/my data/täglich'").out == "x"

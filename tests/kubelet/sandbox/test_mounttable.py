"""Which mounts can be reached: tables of /proc/self/mountinfo."""

from __future__ import annotations

import pytest

from kubelet.sandbox.mounttable import visible_mounts

MACHINE = ("1 0 /", "2 1 /sys", "3 2 /sys/kernel/security", "4 2 /sys/fs/cgroup", "5 1 /run", "6 5 /run/user/1000")


def line(mount: str) -> bytes:
    number, parent, path = mount.split()
    return f"{number} {parent} 0:22 / {path} rw,nosuid shared:7 - sysfs sysfs rw\n".encode()


@pytest.mark.parametrize(
    ("mounts", "visible"),
    [
        pytest.param(MACHINE, [each.split()[2] for each in MACHINE], id="all"),
        pytest.param(
            (*MACHINE, "7 2 /sys", "8 7 /sys/fs/cgroup"),
            ["/", "/sys", "/sys/fs/cgroup", "/run", "/run/user/1000"],
            id="another on top",
        ),
        pytest.param((*MACHINE, "7 6 /run/user/1000", "8 7 /run/user/1000"), [each.split()[2] for each in MACHINE],
                     id="a stack"),
        pytest.param(("1 0 /", "2 1 /a/b", "3 1 /a"), ["/", "/a"], id="one above was made later"),
        pytest.param(("1 0 /", "2 1 /ab", "3 1 /a"), ["/", "/ab", "/a"], id="names that begin alike"),
        pytest.param(("9 9 /", "2 9 /my\\040files"), ["/", "/my files"], id="a space, and a root on itself"),
        pytest.param(("1 0 /", "2 1 /", "3 2 /x"), ["/", "/x"], id="a root on another"),
    ],
)  # fmt: skip
def test_only_mounts_that_their_paths_lead_to(mounts: tuple[str, ...], visible: list[str]) -> None:
    assert list(visible_mounts(map(line, mounts))) == visible

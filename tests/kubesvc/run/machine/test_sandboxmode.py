"""Whether pods get sandboxes: who decides, and what is said where the machine refuses them."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Mapping

import pytest

from kubehost.io.allowance import STEPS, Refusal, try_namespaces
from kubesvc.run.machine.sandboxmode import (
    SWITCHES,
    SandboxError,
    SandboxMode,
    Wish,
    choose,
    explain_refusal,
    read_switches,
)

DENIED = Refusal(STEPS[0], errno.EPERM)


def chosen(
    wish: Wish, *, is_exact: bool = False, refusal: Refusal | None = None, switches: Mapping[str, str] | None = None
) -> SandboxMode:
    return choose(wish, is_exact=is_exact, attempt=lambda: refusal, read=lambda: switches or {})


@pytest.mark.parametrize(
    ("option", "configured", "kept", "mode"),
    [
        ("none", "namespaces", "auto", "none"),
        (None, "namespaces", "none", "namespaces"),
        (None, "", "auto", "auto"),
        (None, "", "", "auto"),
    ],
    ids=["the option", "the configuration", "the last start", "the default"],
)
def test_the_first_that_says_something_decides(option: str | None, configured: str, kept: str, mode: str) -> None:
    assert Wish.of(option, configured, kept).mode == mode


@pytest.mark.parametrize("wanted", ["auto", "namespaces"])
def test_where_the_machine_allows_them_pods_have_sandboxes(wanted: str) -> None:
    mode = chosen(Wish(wanted, "--sandbox"))
    assert (mode.mode, mode.why) == ("namespaces", f"--sandbox says {wanted}, and this machine allows them")
    assert mode.is_required == (wanted == "namespaces")


def test_the_machine_is_not_asked_where_nobody_wants_sandboxes() -> None:
    def attempt() -> Refusal | None:
        raise AssertionError("asked")

    assert choose(Wish("none", "--sandbox"), is_exact=False, attempt=attempt, read=dict).mode == "none"


def test_auto_goes_on_without_them_and_says_why_and_what_would_allow_them() -> None:
    mode = chosen(Wish("auto", "--sandbox"), refusal=DENIED, switches={"kernel.unprivileged_userns_clone": "0"})
    assert mode.mode == "none"
    assert mode.why == (
        "this machine refuses making user, network, mount, PID, UTS and IPC namespaces: Operation not permitted "
        "(kernel.unprivileged_userns_clone is 0)"
    )
    assert mode.remedy == "sudo sysctl -w kernel.unprivileged_userns_clone=1"


def test_who_asks_for_namespaces_and_cannot_have_them_gets_no_cluster_but_the_remedy() -> None:
    with pytest.raises(
        SandboxError, match=r"--sandbox asks for sandboxes, and this machine refuses .* to allow them: "
    ):
        chosen(Wish("namespaces", "--sandbox"), refusal=DENIED)


@pytest.mark.parametrize("wish", [Wish("auto", "the default"), Wish("auto", "--sandbox")])
def test_the_exact_plan_takes_sandboxes_by_itself_and_refuses_to_be_without(wish: Wish) -> None:
    assert chosen(wish, is_exact=True).mode == "namespaces"
    with pytest.raises(SandboxError, match=r"^the exact plan needs sandboxes, and this machine refuses"):
        chosen(wish, is_exact=True, refusal=DENIED)


def test_the_exact_plan_without_sandboxes_is_a_contradiction() -> None:
    with pytest.raises(SandboxError, match="the exact plan needs sandboxes, and --sandbox says none"):
        chosen(Wish("none", "--sandbox"), is_exact=True)


@pytest.mark.parametrize(
    ("error", "switches", "why", "remedy"),
    [
        pytest.param(
            errno.ENOSPC,
            {"user.max_user_namespaces": "0", "user.max_net_namespaces": "0", "user.max_pid_namespaces": "9"},
            "(user.max_user_namespaces is 0, user.max_net_namespaces is 0)",
            "sudo sysctl -w user.max_user_namespaces=15000 user.max_net_namespaces=15000",
            id="limits of namespaces",
        ),
        pytest.param(
            errno.EACCES,
            {"kernel.apparmor_restrict_unprivileged_userns": "1", "Seccomp": "2"},
            "(kernel.apparmor_restrict_unprivileged_userns is 1)",
            "flags=(unconfined) { userns, }' | sudo tee /etc/apparmor.d/kubesvc && sudo apparmor_parser -r ",
            id="Ubuntu's AppArmor rule",
        ),
        pytest.param(
            errno.EPERM,
            {"Seccomp": "2"},
            "(a seccomp filter is in force: this is a container)",
            "docker run --security-opt seccomp=unconfined",
            id="a container",
        ),
        pytest.param(errno.EOPNOTSUPP, {}, "Operation not supported", "modprobe veth", id="a kernel without veth"),
        pytest.param(errno.ENOSYS, {}, "Function not implemented", "CONFIG_USER_NS", id="a kernel without"),
    ],
)
def test_a_refusal_has_its_reason_and_its_remedy(
    error: int, switches: Mapping[str, str], why: str, remedy: str
) -> None:
    said, wanted = explain_refusal(Refusal(STEPS[0], error), switches)
    assert said.endswith(why)
    assert remedy in wanted


def test_an_old_kernel_is_said_to_be_one() -> None:
    (step,) = (each for each in STEPS if "pidfd" in each)
    said, wanted = explain_refusal(Refusal(step, errno.EINVAL), {})
    assert said == (
        "this machine refuses entering a namespace by a pidfd, as Linux 5.8 and later can: Invalid argument"
    )
    assert wanted == "a kernel that can do so"


def test_the_switches_of_this_machine_are_numbers() -> None:
    found = read_switches()
    assert set(found) <= {*SWITCHES, "Seccomp"}
    assert all(each.isdecimal() for each in found.values())


def test_the_attempt_changes_nothing_for_this_process() -> None:
    refusal = try_namespaces()
    assert refusal is None or refusal.step in STEPS
    assert try_namespaces() == refusal


LIMITED = """
import sys
from pathlib import Path
from kubesvc.run.machine.sandboxmode import SandboxError, Wish, find_mode
Path("/proc/sys/user/max_net_namespaces").write_text("0")
print(find_mode(Wish("auto", "--sandbox"), is_exact=False))
try:
    find_mode(Wish("namespaces", "--sandbox"), is_exact=False)
except SandboxError as error:
    print(error)
"""


def test_a_machine_that_really_refuses_is_told_from_one_that_allows_them() -> None:
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", LIMITED]
    auto, required = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    why = (
        "this machine refuses making user, network, mount, PID, UTS and IPC namespaces: No space left on device "
        "(user.max_net_namespaces is 0)"
    )
    remedy = "sudo sysctl -w user.max_net_namespaces=15000"
    assert auto == str(SandboxMode("none", why, remedy))
    assert required == f"--sandbox asks for sandboxes, and {why}; to allow them: {remedy}"

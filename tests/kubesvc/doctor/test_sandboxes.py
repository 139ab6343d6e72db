"""What the doctor says about sandboxes."""

from __future__ import annotations

import errno
from dataclasses import fields, replace
from typing import Any

import pytest

from kubehost.io.allowance import STEPS, Refusal
from kubesvc.doctor.abilities import Abilities, read_abilities
from kubesvc.doctor.sandboxes import check_mode, check_sandboxes

ALL = Abilities()
NAMESPACES = "namespaces may be made: pods can have networks and file systems of their own (sandbox: namespaces)"


def test_where_everything_works_there_is_nothing_to_mend() -> None:
    checks = [*check_sandboxes(ALL)]
    assert {each.status for each in checks} == {"ok"}
    assert not any(each.remedy for each in checks)
    assert checks[0].message == NAMESPACES


def test_where_namespaces_are_refused_the_reason_and_the_line_that_allows_them_are_all_that_is_said() -> None:
    refusal = Refusal(STEPS[0], errno.EPERM)
    [check] = check_sandboxes(Abilities(refusal, {"kernel.unprivileged_userns_clone": "0"}))
    assert (check.status, check.remedy) == ("warn", "sudo sysctl -w kernel.unprivileged_userns_clone=1")
    assert check.message == (
        "pods are processes of this machine without networks of their own (sandbox: none): this machine refuses making "
        "user, network, mount, PID, UTS and IPC namespaces: Operation not permitted (kernel.unprivileged_userns_clone "
        "is 0)"
    )


def test_a_configuration_that_needs_sandboxes_fails_where_they_are_refused() -> None:
    [check] = check_sandboxes(Abilities(Refusal(STEPS[0], errno.EPERM)), are_required=True)
    assert check.status == "fail"
    assert check.message.startswith("this configuration needs sandboxes, and the cluster cannot start: this machine ")


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("veth", "fail", "the kernel makes no veth, so that sandboxes cannot have networks: why"),
        (
            "nf_tables",
            "warn",
            "Services cannot be rules of the kernel, and the userspace proxy carries all traffic: why",
        ),
        ("overlay", "warn", "volumes cannot be mounted below folders that this user may not write: why"),
        ("proc", "warn", "containers see the processes of the machine, as /proc cannot be mounted: why"),
        ("cgroup", "warn", "resources of containers are not limited: why"),
        ("pasta", "warn", "pods do not reach the internet: why"),
    ],
)
def test_what_does_not_work_is_said_with_its_remedy(name: str, status: str, message: str) -> None:
    broken: dict[str, Any] = {name: "why"}
    checks = check_sandboxes(replace(ALL, **broken))
    [bad] = (each for each in checks if each.status != "ok")
    assert (bad.status, bad.message) == (status, message)
    assert bad.remedy


def test_a_user_without_subordinate_ids_is_told_what_they_are_for() -> None:
    [bad] = (each for each in check_sandboxes(replace(ALL, has_subordinate_ids=False)) if each.status != "ok")
    assert bad.message == (
        "this user has no subordinate ids: containers run as root of their namespace alone (runAsUser)"
    )
    assert "usermod --add-subuids" in bad.remedy


def test_the_mode_of_the_running_cluster_is_said_with_what_would_change_it() -> None:
    [check] = check_mode("namespaces", "the default says auto", "", "")
    assert check.message == "its pods have networks of their own: the default says auto"
    _, internet = check_mode("namespaces", "the default says auto", "", "pasta is not installed")
    assert internet.message == "its pods do not reach the internet: pasta is not installed"
    [check] = check_mode("none", "this machine refuses it", "sudo allow", "")
    assert (check.status, check.message, check.remedy) == (
        "ok",
        "its pods have no networks of their own: this machine refuses it",
        "sudo allow",
    )


def test_this_machine_is_read_without_a_change() -> None:
    found = read_abilities()
    assert read_abilities() == found
    assert all(isinstance(getattr(found, each.name), str) for each in fields(found)[2:-1])

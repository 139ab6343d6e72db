"""A container's user, groups and capabilities, from the contexts of its pod and its own: tables."""

from typing import Any

import pytest

from kubeapi.meta import JSON
from kubelet.pod.environment import ConfigError
from kubelet.pod.security import CAPABILITIES, DEFAULT_CAPABILITIES, Privileges, read_privileges, verify_user
from kubelet.pod.spec import read_pod_spec

EVERY = tuple(range(41))


def privileges(own: JSON, pod: JSON | None = None) -> Privileges:
    spec = read_pod_spec(
        {
            "metadata": {"name": "web", "namespace": "ns", "uid": "u"},
            "spec": {"securityContext": pod, "containers": [{"name": "c", "image": "i", "securityContext": own}]},
        }
    )
    return read_privileges(spec, spec.containers[0])


def numbers(*names: str) -> tuple[int, ...]:
    return tuple(sorted(CAPABILITIES[each] for each in names))


def test_a_container_is_root_with_the_runtimes_capabilities() -> None:
    expected = Privileges(0, 0, (), tuple(sorted(DEFAULT_CAPABILITIES)), False, False, False, False)
    assert privileges({}) == expected
    assert sum(1 << each for each in DEFAULT_CAPABILITIES) == 0xA80425FB  # of containerd


@pytest.mark.parametrize(
    ("own", "pod", "expected"),
    [
        ({"runAsUser": 1}, {"runAsUser": 2, "runAsGroup": 3}, {"user": 1, "group": 3}),
        ({"runAsUser": 0}, {"runAsUser": 2}, {"user": 0}),
        ({}, {"fsGroup": 5, "supplementalGroups": [6, 7]}, {"groups": (6, 7, 5)}),
        ({"privileged": True}, {}, {"is_privileged": True, "capabilities": EVERY}),
        ({"readOnlyRootFilesystem": True}, {}, {"is_read_only": True}),
        ({"procMount": "Unmasked"}, {}, {"is_proc_unmasked": True}),
        ({"allowPrivilegeEscalation": False}, {}, {"has_no_new_privileges": True}),
        ({"runAsNonRoot": True, "runAsUser": 5}, {}, {"user": 5}),
    ],
)
def test_a_field_of_the_container_counts_before_that_of_the_pod(own: JSON, pod: JSON, expected: dict[str, Any]) -> None:
    found = privileges(own, pod)._asdict()
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("add", "drop", "expected"),
    [
        (["NET_ADMIN"], ["ALL"], numbers("NET_ADMIN")),
        (["CAP_NET_ADMIN"], ["ALL"], numbers("NET_ADMIN")),
        (["ALL"], [], EVERY),
        (["ALL"], ["SYS_ADMIN"], tuple(each for each in EVERY if each != CAPABILITIES["SYS_ADMIN"])),
        ([], ["ALL"], ()),
        (
            [],
            ["NET_RAW", "KILL"],
            tuple(sorted(DEFAULT_CAPABILITIES - {CAPABILITIES["NET_RAW"], CAPABILITIES["KILL"]})),
        ),
    ],
)
def test_capabilities_are_added_and_dropped(add: list[str], drop: list[str], expected: tuple[int, ...]) -> None:
    assert privileges({"capabilities": {"add": add, "drop": drop}}).capabilities == expected


@pytest.mark.parametrize(
    ("own", "text"),
    [
        (
            {"runAsNonRoot": True, "runAsUser": 0},
            'container\'s runAsUser breaks non-root policy (pod: "web_ns(u)", container: c)',
        ),
        ({"capabilities": {"add": ["FLY"]}}, 'unknown capability "CAP_FLY"'),
    ],
)
def test_a_container_that_may_not_be_so_is_refused(own: JSON, text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        privileges(own)
    assert str(raised.value) == text


@pytest.mark.parametrize(
    ("own", "user", "refusal"),
    [
        ({"runAsNonRoot": True}, "0", "container has runAsNonRoot and image will run as root"),
        (
            {"runAsNonRoot": True},
            "curl_user",
            "container has runAsNonRoot and image has non-numeric user (curl_user), cannot verify user is non-root",
        ),
        ({"runAsNonRoot": True}, "101", ""),
        ({"runAsNonRoot": True}, "", ""),
        ({"runAsNonRoot": True, "runAsUser": 5}, "0", ""),
        ({}, "0", ""),
    ],
)
def test_an_image_whose_user_may_be_root_is_refused_where_that_may_not_be(own: JSON, user: str, refusal: str) -> None:
    context = {"name": "c", "image": "i", "securityContext": own}
    pod = read_pod_spec({"metadata": {"name": "web", "namespace": "ns", "uid": "u"}, "spec": {"containers": [context]}})
    said = ""
    try:
        verify_user(pod, pod.containers[0], user)
    except ConfigError as error:
        said = str(error)
    assert said == (f'{refusal} (pod: "web_ns(u)", container: c)' if refusal else "")

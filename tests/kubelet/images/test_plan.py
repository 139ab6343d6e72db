"""What runs for a container: its program, as which user of its image, with all of its variables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubelet.images.plan import ContainerHost, ContainerPlan, plan_container
from kubelet.images.serverhost import ServerHost
from kubelet.pod.environment import Sources
from kubelet.pod.machine.state import PodPlace
from kubelet.pod.spec import read_pod_spec

TOOLS = {"bash": "/bin/bash", "python": "/opt/python", "sources": "/opt/src"}
HOST = ContainerHost({}, {}, "/work", ServerHost(int, is_sandboxed=True), tools=TOOLS)


def planned(host: ContainerHost = HOST, **container: Any) -> ContainerPlan:
    found = tried(host, **container)
    assert found is not None
    return found


def tried(host: ContainerHost = HOST, **container: Any) -> ContainerPlan | None:
    spec = {"containers": [{"name": "c", **container}], "restartPolicy": "Never"}
    metadata = {"name": "p", "namespace": "default", "uid": "u"}
    pod = read_pod_spec({"metadata": metadata, "spec": spec})
    return plan_container(
        pod.containers[0], Sources(pod, PodPlace(("127.1.1.2",), ("127.1.1.1",), 0.0), {}, []), host, "/scratch"
    )


@pytest.mark.parametrize(
    ("name", "command", "argv"),
    [
        ("data-1", ["sh", "-c", "env"], ("/bin/bash", "--posix", "-c", "env")),
        ("data-1", ["/bin/sh", "-c", "env"], ("/bin/bash", "--posix", "-c", "env")),
        ("data-1", ["env"], ("env",)),
        ("data_1", ["sh", "-c", "env"], ("sh", "-c", "env")),
    ],
)
def test_no_variable_is_lost_to_a_shell_that_drops_names_with_dashes(
    name: str, command: list[str], argv: tuple[str, ...]
) -> None:
    assert planned(image="busybox", command=command, env=[{"name": name, "value": "x"}]).process.argv == argv


@pytest.mark.parametrize(
    ("image", "script", "shell"),
    [
        ("busybox", "[[ -r /x ]]", ("/bin/bash", "--posix")),
        ("registry.k8s.io/e2e-test-images/agnhost:2.66", "exit $((RANDOM / 16384))", ("/bin/bash", "--posix")),
        ("busybox", "echo -en 'a\\n'", ("/bin/bash", "--posix")),
        ("busybox", "echo -ne 'a\\n'", ("/bin/bash", "--posix")),
        ("busybox", "echo a -e", ("/bin/sh",)),
        ("busybox", "[ -r /x ]", ("/bin/sh",)),
        ("debian", "[[ -r /x ]]", ("/bin/sh",)),
        ("mine", "[[ -r /x ]]", ("/bin/sh",)),
    ],
)
def test_a_script_for_the_shell_of_busybox_runs(image: str, script: str, shell: tuple[str, ...]) -> None:
    found = planned(image=image, command=["/bin/sh", "-c"], args=[script])
    assert found.process.argv == (*shell, "-c", script)


def test_no_bash_stands_in_for_the_shell_where_busybox_is_installed() -> None:
    host = replace(HOST, tools=TOOLS | {"busybox": "/opt/busybox"})
    found = planned(host, image="busybox", command=["/bin/sh", "-c"], args=["[[ -r /x ]]"])
    assert found.process.argv[0] == "/bin/sh"
    assert planned(host, image="agnhost", command=["sh", "-c", "[[ -r /x ]]"]).process.argv[0] == "/bin/bash"


def test_an_image_with_a_user_of_its_own_has_it() -> None:
    assert planned(image="registry.k8s.io/e2e-test-images/nonroot:1.5", command=["id", "-u"]).user == 1234
    assert planned(image="busybox", command=["id", "-u"]).user == 0


def test_the_images_of_the_update_demo_serve_their_picture_s_name() -> None:
    process = planned(image="registry.k8s.io/e2e-test-images/nautilus:1.8").process
    assert process.builtin is not None
    options = process.builtin.options
    assert (process.builtin.tcp, "nautilus.jpg" in options["page"], options["path"]) == ([80], True, "/data.json")


def test_the_path_of_a_container_has_all_folders_in_which_images_have_programs() -> None:
    host = replace(HOST, environment={"PATH": "/opt/mine:/usr/bin"})
    path = planned(host, image="busybox", command=["ip"]).process.environment["PATH"]
    assert path == "/opt/mine:/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/bin"


@pytest.mark.parametrize("command", [[], ["etcd"], ["/usr/local/bin/etcd", "--version"]])
def test_an_image_of_a_program_that_is_not_installed_has_nothing_to_run(command: list[str]) -> None:
    image, installed = "registry.k8s.io/etcd:3.6.5-0", replace(HOST, tools={**TOOLS, "etcd": "/opt/etcd"})
    assert tried(image=image, command=command) is None
    assert planned(installed, image=image, command=command).process.argv == tuple(command or ["etcd"])
    assert planned(image=image, command=["sh", "-c", "true"]).process.argv[0] == "sh"

"""Programs that listen on all addresses, with real processes and sockets; events are those of a Store."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest
from tests.helpers.kubesvc.ground import add_pod, ground

from kubeapi.events import EventRecorder
from kubeapi.meta import ObjectKey
from kubeapi.scheme import EVENTS
from kubelet.pod.programs import PLACE_OF_ITS_OWN, RunningProgram
from kubesvc.why.podsockets import EVENT, PodSockets

WEB = ObjectKey("default", "web")
POD_IP = "127.250.1.2"
LISTENER = """
import json, socket, subprocess, sys, time
kind, address, port, is_child = json.loads(sys.argv[1])
if is_child:
    sys.exit(subprocess.call([sys.executable, "-c", sys.argv[2], json.dumps([kind, address, port, False]), ""]))
family = socket.AF_INET6 if ":" in address else socket.AF_INET
sock = socket.socket(family, socket.SOCK_DGRAM if kind == "UDP" else socket.SOCK_STREAM)
sock.bind((address, port))
if kind == "TCP":
    sock.listen()
print(sock.getsockname()[1], flush=True)
time.sleep(3600)
"""


@contextlib.contextmanager
def listener(kind: str, address: str, port: int, *, is_child: bool = False) -> Iterator[tuple[int, int]]:
    """Have a program that listens, itself or by a child; yields its pid and its port."""
    command = [sys.executable, "-c", LISTENER, json.dumps([kind, address, port, is_child]), LISTENER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            yield process.pid, int(process.stdout.readline())
        finally:
            subprocess.run(["kill", "-9", "--", f"-{process.pid}"], check=True)


class Look:
    """The sockets of one pod's programs, and what was said of them."""

    def __init__(self, *programs: tuple[int, Sequence[tuple[str, int]]]) -> None:
        self.registry = ground()
        add_pod(self.registry)
        self.programs = [RunningProgram(WEB, "app", pid, POD_IP, 0.0, tuple(ports), False) for pid, ports in programs]
        recorder = EventRecorder(self.registry, "kubelet", clock=lambda: 1.0)
        self.sockets = PodSockets(self.registry.store, lambda: self.programs, recorder, lambda: 100.0)

    def ports(self) -> list[tuple[str, int]]:
        return [(each.protocol, each.port) for each in self.sockets.look()]

    def events(self) -> list[str]:
        return [each["message"] for each in self.registry.store.list(EVENTS) if each["reason"] == EVENT]


@pytest.mark.parametrize(
    ("kind", "address", "is_child", "is_seen"),
    [
        ("TCP", "0.0.0.0", False, True),
        ("TCP", "::", False, True),
        ("UDP", "0.0.0.0", False, True),
        ("TCP", "0.0.0.0", True, True),
        ("TCP", "127.0.0.1", False, False),
        ("TCP", POD_IP, False, False),
    ],
)
def test_a_program_that_listens_on_all_addresses_is_seen_and_told_of_once(
    kind: str, address: str, is_child: bool, is_seen: bool
) -> None:
    with listener(kind, address, 20391, is_child=is_child) as (pid, port):
        look = Look((pid, ()))
        for _ in range(2):
            assert look.ports() == ([(kind, port)] if is_seen else [])
        said = (
            f"container app of pod default/web listens on port 20391/{kind} of all addresses of this machine, "
            f"so it takes what is meant for other pods at that port: have it bind $POD_IP ({POD_IP}); "
            f"{PLACE_OF_ITS_OWN}"
        )
        assert look.events() == ([said] if is_seen else [])
    assert look.ports() == []


@pytest.mark.parametrize("is_host_network", [False, True])
def test_in_sandboxes_only_pods_with_the_network_of_the_nodes_share_addresses(is_host_network: bool) -> None:
    with listener("TCP", "0.0.0.0", 20391) as (pid, _):
        look = Look((pid, ()))
        look.programs = [each._replace(is_sandboxed=True, is_host_network=is_host_network) for each in look.programs]
        assert look.ports() == ([("TCP", 20391)] if is_host_network else [])
        said = (
            "container app of pod default/web listens on port 20391/TCP of all addresses of the network of all nodes, "
            "so it takes what is meant for the nodes' Services and other pods with hostNetwork at that port: "
            f"have it bind $POD_IP ({POD_IP})"
        )
        assert look.events() == ([said] if is_host_network else [])


def test_what_is_no_pods_is_nobodys_business() -> None:
    with listener("TCP", "0.0.0.0", 20391) as (other, _), listener("TCP", POD_IP, 20392) as (pid, _):
        look = Look((pid, ()))
        assert look.ports() == look.ports() == []
        look.programs = Look((other, ())).programs
        assert look.events() == []


def test_an_ephemeral_port_is_a_clients_unless_it_is_declared() -> None:
    with listener("UDP", "0.0.0.0", 0) as (pid, port):
        assert Look((pid, ())).ports() == []
        assert Look((pid, (("UDP", port),))).ports() == [("UDP", port)]


def test_a_new_run_of_a_container_is_told_of_again() -> None:
    look = Look()
    for count in (1, 2):
        with listener("TCP", "0.0.0.0", 20391) as (pid, _):
            look.programs = Look((pid, ())).programs
            assert look.ports() == [("TCP", 20391)]
        [event] = [each for each in look.registry.store.list(EVENTS) if each["reason"] == EVENT]
        assert event["count"] == count

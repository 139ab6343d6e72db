"""The gRPC health server of agnhost, as the kubelet's own probe asks it."""

from __future__ import annotations

import socket
import threading
from contextlib import closing

import pytest

from kubelet.pod.probes import ProbeOutcome
from kubelet.runtime.prober.health import HealthAnswer, health_request
from kubelet.servers.agnhost.grpchealth import Health, grpc_health, serve_connection
from kubelet.servers.http.messages import Request


def asked(health: Health, service: str = "") -> ProbeOutcome:
    """Ask as the prober does, over one connection."""
    here, there = socket.socketpair()
    with closing(here):
        thread = threading.Thread(target=serve_connection, args=(there, health))
        thread.start()
        here.sendall(health_request("127.0.0.1:5000", service))
        answer = HealthAnswer()
        while answer.outcome is None:
            here.sendall(answer.feed(here.recv(65536)))
        here.shutdown(socket.SHUT_WR)
        thread.join()
    there.close()
    return answer.outcome


def test_it_serves_until_its_delay_is_over() -> None:
    assert asked(Health("", None)) == ProbeOutcome(True, "")
    assert asked(Health("", 0)) == ProbeOutcome(False, 'service unhealthy (responded with "NOT_SERVING")')


@pytest.mark.parametrize(("service", "is_known"), [("web", True), ("", False), ("other", False)])
def test_it_knows_one_service(service: str, *, is_known: bool) -> None:
    assert asked(Health("web", None), service).is_success is is_known


def test_it_says_what_it_is_told_by_http() -> None:
    service = grpc_health({"service": "", "delay": None, "grpc_port": 5000}, "pod")

    def told(path: str) -> int:
        return service.respond(Request("GET", path, {}, {}, "127.0.0.1", 8080, is_stopping=False)).status

    assert [told(path) for path in ("/make-not-serving", "/make-serving", "/")] == [200, 200, 404]
    assert list(service.raw) == [5000]
    health = Health("", None)
    health.force(is_healthy=False)
    assert not asked(health).is_success

"""A reproduction on sockets has a cluster of its own."""

import json

from kubesvc.bench.socketruns import manifests
from svcbench.reproduce import REPRODUCTIONS, Setup
from svcbench.results import Run


def test_each_backend_is_a_pod_behind_one_service_with_the_algorithm() -> None:
    text = manifests(Setup("peak_ewma", ("20ms", "2s"), 100, 10, '{"full_scan": true}'))
    service, *pods = map(json.loads, text.split("\n---\n"))
    assert service["metadata"]["annotations"] == {
        "kubesvc.dev/balancer": "peak_ewma",
        "kubesvc.dev/balancer-options": '{"full_scan": true}',
    }
    assert [each["metadata"]["annotations"] for each in pods] == [
        {"kubesvc.dev/backend": "20ms"},
        {"kubesvc.dev/backend": "2s"},
    ]
    assert all(each["metadata"]["labels"].items() >= service["spec"]["selector"].items() for each in pods)


def test_a_server_of_its_own_is_a_pod_that_is_ready_when_it_listens() -> None:
    text = manifests(Setup("random", (), 0, 10, closed=8, server=("-m", "server")))
    _, pod = map(json.loads, text.split("\n---\n"))
    (container,) = pod["spec"]["containers"]
    assert container["command"][-2:] == ["-m", "server"]
    assert container["startupProbe"] == {"tcpSocket": {"port": 8080}}


def test_sockets_give_figures_with_bands_for_what_they_measure() -> None:
    from tests.helpers.svcbench import run_of

    setups: list[Setup] = []

    def measure(setup: Setup) -> Run:
        setups.append(setup)
        return run_of([1000 * len(setups)] * 100)

    for name in ("R1", "R2", "R3", "R6", "R10"):
        on_sockets = REPRODUCTIONS[name].on_sockets
        assert on_sockets is not None
        assert any(each.has_band for each in on_sockets(measure))
    assert all(setup.rate <= 500 and setup.seconds <= 60 for setup in setups)

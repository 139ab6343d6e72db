"""Which pod each request reached: what answers say, and what the cluster's records tell."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from kubesvc.bench.podfinder import PodFinder
from svcbench.load.log import NAMES, Log

PODS = {"10.244.1.2:80": "web-1", "web-1": "web-1", "web-2": "web-2"}


def record(port: int, pod: str, state: str = "closed", protocol: str = "tcp") -> dict[str, Any]:
    return {
        "client": "127.0.0.1",
        "clientPort": port,
        "pod": pod,
        "endpoint": "10.244.1.9:80",
        "state": state,
        "protocol": protocol,
        "algorithm": "round_robin",
        "time": "2026-11-29T12:00:00.000Z",
    }


def log(ports: Sequence[int], rows: Sequence[tuple[int, str]]) -> Log:
    """Return a log of connections from these ports, with rows of a connection and the name in its answer."""
    made = Log()
    made.ports = array("H", ports)
    made.names = [*NAMES]
    for at, (connection, name) in enumerate(rows):
        if name and name not in made.names:
            made.names.append(name)
        made.rows.due.append(at)
        made.rows.began.append(at)
        made.rows.ended.append(at + 0.5)
        made.rows.connection.append(connection)
        made.rows.outcome.append(0)
        made.rows.pod.append(made.names.index(name) if name else 0)
    return made


def pods(of: Log, *records: dict[str, Any]) -> list[str]:
    finder = PodFinder(PODS)
    for each in records:
        finder.take(each)
    return finder.pods_of(of)


def test_an_answer_names_its_pod_or_its_endpoint() -> None:
    assert pods(log([1], [(0, "web-2"), (0, "10.244.1.2:80"), (0, "somebody")])) == ["web-2", "web-1", "somebody"]


def test_a_connection_belongs_to_the_pod_of_its_client_port() -> None:
    of = log([5001, 5002], [(0, ""), (1, ""), (0, "")])
    assert pods(of, record(5002, "web-2"), record(5001, "web-1")) == ["web-1", "web-2", "web-1"]


def test_a_record_that_was_open_and_has_ended_is_one_connection() -> None:
    of = log([5001], [(0, "")])
    assert pods(of, record(5001, "", "open"), record(5001, "web-1")) == ["web-1"]


def test_a_port_that_is_used_again_has_its_records_in_order() -> None:
    of = log([5001, 5001], [(0, ""), (1, "")])
    assert pods(of, record(5001, "web-1"), record(5001, "web-2")) == ["web-1", "web-2"]


def test_older_records_of_a_port_are_not_this_runs() -> None:
    of = log([5001], [(0, "")])
    assert pods(of, record(5001, "web-1"), record(5001, "web-2")) == ["web-2"]


def test_connections_whose_records_were_missed_are_not_guessed() -> None:
    of = log([5001, 5001, 5002], [(0, ""), (1, ""), (2, "")])
    assert pods(of, {"missed": 3}, record(5001, "web-1")) == ["", "", ""]


def test_an_endpoint_without_a_pod_goes_by_its_address() -> None:
    assert pods(log([5001], [(0, "")]), record(5001, "")) == ["10.244.1.9:80"]


def test_requests_of_an_http_service_belong_to_the_records_of_their_port_in_order() -> None:
    of = log([5001, 5002], [(0, ""), (1, ""), (0, "")])
    http = [record(5001, "web-1", protocol="http"), record(5002, "web-2", protocol="http")]
    assert pods(of, *http, record(5001, "web-2", protocol="http")) == ["web-1", "web-2", "web-2"]


def test_requests_whose_records_were_missed_are_not_guessed() -> None:
    of = log([5001], [(0, ""), (0, "")])
    assert pods(of, record(5001, "web-1", protocol="http")) == ["", ""]


def test_clients_of_several_addresses_may_have_the_same_port() -> None:
    finder = PodFinder(PODS, sources=2)
    finder.take(record(5001, "web-2") | {"client": "127.0.1.2"})
    finder.take(record(5001, "web-1") | {"client": "127.0.1.1"})
    assert finder.pods_of(log([5001, 5001], [(0, ""), (1, "")])) == ["web-1", "web-2"]


def test_the_algorithm_is_the_one_of_the_newest_record_and_not_of_one_that_ends_late() -> None:
    finder = PodFinder(PODS)
    finder.take(record(1, "web-1") | {"algorithm": "random"})
    finder.take(record(2, "web-1") | {"time": "2026-11-29T12:00:01.000Z"})
    finder.take(record(3, "web-1") | {"algorithm": "random"})
    assert finder.algorithm == "round_robin"

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from benchmarks.api import (
    Figure,
    Kubectl,
    configuration,
    document,
    load_figures,
    main,
    service_names,
    services,
    slices,
    table,
)
from benchmarks.clusters import ClusterError

from kubesvc.run.input.prepare import prepare

NAMES = service_names(1000)


def test_the_services_and_their_endpoints_are_what_a_cluster_takes(tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    documents = [configuration(), *services(NAMES[:20]), *slices(NAMES[:20])]
    file.write_text("".join(f"---\n{json.dumps(each)}\n" for each in documents))

    assert prepare((str(file),), StringIO()).faults == []


def test_every_endpoint_has_an_address_of_its_own() -> None:
    addresses = [address for each in slices(NAMES) for end in each["endpoints"] for address in end["addresses"]]

    assert len(set(addresses)) == len(addresses) == 2000
    assert all(address.startswith("127.41.") for address in addresses)


def test_every_slice_names_its_service() -> None:
    named = [each["metadata"]["labels"]["kubernetes.io/service-name"] for each in slices(NAMES)]

    assert named == [each["metadata"]["name"] for each in services(NAMES)] == NAMES


@pytest.mark.parametrize(("value", "goal", "is_met"), [(1.0, 2.0, True), (2.0, 2.0, False), (9.0, None, True)])
def test_a_goal_is_met_below_it(value: float, goal: float | None, is_met: bool) -> None:
    assert Figure("any", value, "s", goal).is_met is is_met


def test_the_table_tells_which_goals_are_missed() -> None:
    shown = table([Figure("quick", 0.5, "s", 1.0), Figure("slow", 25.25, "s", 20.0), Figure("memory", 96.4, "MB")])

    assert shown.splitlines() == [
        "                   goal",
        "quick   0.500 s   < 1 s",
        "slow     25.2 s  < 20 s  missed",
        "memory  96.4 MB",
    ]


def test_the_loads_figures_are_in_milliseconds() -> None:
    latencies = [*range(1000, 100_000, 1000), 500_000]
    figures = load_figures({"latencies": latencies, "writeCPUSeconds": 0.001, "deliveryCPUSeconds": 0.002})

    assert [each.value for each in figures] == [50.0, 99.0, 1.0, 2.0]
    assert [each.is_met for each in figures] == [False, True, True, False]


def test_the_json_has_every_figure_with_its_goal() -> None:
    (told,) = document([Figure("a write", 1.5, "ms", 4.0)])["figures"]

    assert told == {"title": "a write", "value": 1.5, "unit": "ms", "goal": 4.0, "isMet": True}


def test_a_command_is_timed_and_has_a_home_of_its_own(tmp_path: Path) -> None:
    fake = script(tmp_path, 'test "$HOME" = "${KUBECONFIG%/*}" && grep -c "^---" "$3" >"$HOME/count"')
    kubectl = Kubectl(str(fake), str(tmp_path / "kubeconfig"), tmp_path)

    assert kubectl.feed("apply", services(NAMES[:3])) > 0
    assert (tmp_path / "count").read_text() == "3\n"


def test_a_command_that_fails_says_so_in_its_own_words(tmp_path: Path) -> None:
    kubectl = Kubectl(str(script(tmp_path, "echo no luck >&2; exit 1")), "", tmp_path)

    with pytest.raises(ClusterError, match="kubectl get services: no luck"):
        kubectl.run("get", "services")


def test_a_missing_kubectl_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["api", "--kubectl", "no-such-kubectl"])

    assert main() == 1
    assert capsys.readouterr().err.startswith("benchmark: no-such-kubectl is missing")


def script(folder: Path, text: str) -> Path:
    file = folder / "kubectl"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file

"""The laboratory's configurations, all in one cluster: each does what its first line says."""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import ClusterCommands, curl, curl_result, eventually, find, running
from tests.helpers.configs import CONFIGS
from tests.helpers.kubectl.cli import Kubectl, find_kubectls, kubeconfig_of, preferred

LAB = CONFIGS / "lab"
CURL_NOT_CONNECTED = 7


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, default_addresses: None) -> Iterator[ClusterCommands]:
    with running(ClusterCommands(tmp_path_factory.mktemp("lab")), str(LAB)) as commands:
        yield commands


def pods_of(answers: str) -> list[str]:
    """Return the Deployments of the pods that have answered, in their order."""
    return [each.rpartition("-")[0].rpartition("-")[0] for each in re.findall(r"(?im)^x-pod: (\S+)", answers)]


def asked(cluster: ClusterCommands, service: str, count: int, *arguments: str) -> list[str]:
    """Return which Deployments' pods answer so many requests, one after the other, each on a connection of its own."""
    url = f"http://{cluster.at(service)}/?[1-{count}]"
    return pods_of(curl(url, "-i", "-H", "Connection: close", *arguments))


def test_a_slow_pod_gets_a_third_from_round_robin_and_hardly_any_from_least_request(cluster: ClusterCommands) -> None:
    seen = {}
    for service in ("slow-round-robin", "slow-least-request"):
        url = f"http://{cluster.at(service)}/?[1-99]"
        parallel = ("--parallel", "--parallel-immediate", "--parallel-max", "4")
        seen[service] = Counter(pods_of(curl(url, "-i", *parallel)))["slow-slow"]
    assert seen["slow-round-robin"] == 33
    # Two choices of three take the slow pod for one request in seven at most: 33 of 99 are beyond all chance.
    assert seen["slow-least-request"] < 33


def test_weights_are_exact_shares_until_another_is_annotated(cluster: ClusterCommands, tmp_path: Path) -> None:
    assert Counter(asked(cluster, "weights", 8)) == {"weights-one": 1, "weights-two": 2, "weights-five": 5}
    found = find_kubectls()
    kubectl = Kubectl(preferred(found), found[preferred(found)], tmp_path, kubeconfig_of(cluster), tmp_path)
    kubectl("kubectl annotate --overwrite pod -l pods=weights-five kubesvc.dev/weight=0")
    assert eventually(lambda: Counter(asked(cluster, "weights", 6)) == {"weights-one": 2, "weights-two": 4})
    refused = kubectl("kubectl annotate --overwrite pod -l pods=weights-five kubesvc.dev/weight=257", status=1)
    assert "must be a whole number between 0 and 256, inclusive" in refused.err
    endpoints = cluster.service("weights")["endpoints"]
    assert sorted(each["weight"] for each in endpoints) == [0, 1, 2]
    kubectl("kubectl annotate --overwrite pod -l app=weights kubesvc.dev/weight=0")
    assert eventually(lambda: not cluster.listener("weights")["bound"])
    listener = cluster.listener("weights")
    assert curl_result(f"http://{listener['address']}:{listener['port']}/").returncode == CURL_NOT_CONNECTED
    assert (
        "have the weight 0 (kubesvc.dev/weight): clients are refused" in cluster.named("explain", "svc/weights").stdout
    )
    kubectl("kubectl annotate pod -l app=weights kubesvc.dev/weight-")
    even = {"weights-one": 2, "weights-two": 2, "weights-five": 2}
    assert eventually(lambda: Counter(asked(cluster, "weights", 6)) == even)


def test_every_user_has_a_pod(cluster: ClusterCommands) -> None:
    at = cluster.at("hashing")
    # Sixty users leave out one of three pods in one run of a thousand million.
    users = [("-i", "-H", f"X-User: user-{number}", f"http://{at}/", "--next") for number in range(60)]
    first, again = (
        re.findall(r"(?im)^x-pod: (\S+)", curl(f"http://{at}/healthz", *itertools.chain(*order), "-o", os.devnull))
        for order in (users, users[::-1])
    )
    assert first == again[::-1]
    assert (len(first), len(set(first))) == (60, 3)
    trace = cluster.named("trace", "127.0.0.1", "svc/hashing:8080").stdout
    (without,) = re.findall(r"each request is hashed by its header X-User; one without it gets (\S+):8080\.", trace)
    (answered,) = re.findall(r"(?im)^x-pod: (\S+)", curl(f"http://{at}/", "-i"))
    assert find(cluster.pods("hashing"), podIP=without)["name"] == answered


def test_a_browser_stays_with_its_pod(cluster: ClusterCommands, tmp_path: Path) -> None:
    at, jar = cluster.at("cookies"), str(tmp_path / "jar")
    first = curl(f"http://{at}/", "-i", "-c", jar)
    assert re.search(r"(?im)^set-cookie: POD=[0-9a-f]{16}; Path=/; HttpOnly\s*$", first)
    (pod,) = re.findall(r"(?im)^x-pod: (\S+)", first)
    again = curl(f"http://{at}/?[1-5]", "-i", "-b", jar)
    assert re.findall(r"(?im)^x-pod: (\S+)", again) == [pod] * 5
    assert "set-cookie" not in again.lower()
    assert len(set(re.findall(r"(?im)^x-pod: (\S+)", curl(f"http://{at}/?[1-4]", "-i")))) == 2
    (cookie,) = re.findall(r"(?im)^set-cookie: (POD=[0-9a-f]+)", first)
    trace = cluster.named("trace", "outside", "svc/cookies:8080", "-H", f"Cookie: {cookie}").stdout
    assert f"The cookie POD is that of {find(cluster.pods(), name=pod)['podIP']}:8080." in trace
    refused = cluster.named("trace", "outside", "svc/cookies:8080", "-H", "Cookie POD")
    assert (refused.returncode, "the request would be refused" in refused.stderr) == (1, True)
    listed = cluster.named("connections", "svc/cookies").stdout
    assert "cookie" in listed
    assert "round_robin of 2" in listed


def test_a_pod_that_fails_is_ejected_after_three_errors(cluster: ClusterCommands) -> None:
    at = cluster.at("ejection")

    def statuses(count: int) -> list[str]:
        return curl(f"http://{at}/?[1-{count}]", "-o", os.devnull, "-w", "%{http_code} ").split()

    assert Counter(statuses(9)) == {"200": 6, "503": 3}
    # What happens within a second of the last change waits, as with Envoy.
    assert eventually(lambda: set(statuses(6)) == {"200"})
    trace = cluster.named("trace", "outside", "svc/ejection:8080").stdout
    assert re.search(r"ejection-ill-\S+ +\S+ +no: ejected by outlier detection, for \d+ s more", trace)


def test_every_configuration_of_the_laboratory_opens_with_a_sentence() -> None:
    assert all(each.read_text().startswith("# ") for each in LAB.iterdir())

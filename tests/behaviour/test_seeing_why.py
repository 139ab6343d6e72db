"""A user asks why: `kubesvc explain`, `trace` and `connections` say what curl and dig then see."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.cluster.cli import KUBESVC, ClusterCommands, curl, curl_result, eventually, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import deployment, netexec, pod, service, stream
from tests.helpers.patience import PATIENCE

GROUND = Ground(8)
CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT = 7, 28
UPSTREAM = (f"127.{200 + GROUND.number}.9.53", 5353)
NOBODYS_PORT = 9
SERVFAIL = b"\x81\x82"
"""The flags of a response with that code."""
UNREADY = {**netexec(), "readinessProbe": {"httpGet": {"path": "/missing", "port": 8080}, "periodSeconds": 1}}
AFFINITY: dict[str, Any] = {
    "sessionAffinity": "ClientIP",
    "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 5000}},
}


@contextlib.contextmanager
def failing_upstream() -> Iterator[None]:
    """A name server that answers every question with SERVFAIL."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(UPSTREAM)

        def serve() -> None:
            question, client = sock.recvfrom(4096)
            while question:
                sock.sendto(question[:2] + SERVFAIL + question[4:], client)
                question, client = sock.recvfrom(4096)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            sock.sendto(b"", UPSTREAM)
            thread.join()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterCommands]:
    """Two nodes, with Services that work and Services that do not; the pod that never is ready is part of it."""
    manifests = stream(
        GROUND.configuration().replace("upstreams: []", f"upstreams: [{UPSTREAM[0]}:{UPSTREAM[1]}]"),
        deployment("web", 2),
        service("web"),
        service("sticky", "web", **AFFINITY),
        service("canary", selector={"app": "web", "version": "v2"}),
        service("misnamed", "web", ports=[{"name": "http", "port": 8080, "targetPort": "htpp"}]),
        pod("lonely", nodeName="node-2"),
        service("local", "lonely", internalTrafficPolicy="Local"),
        pod("unready", UNREADY),
        service("unready"),
        service("alias", "", type="ExternalName", externalName="web.default.svc.cluster.local", ports=[]),
        service("abroad", "", type="ExternalName", externalName="db.example.com", ports=[]),
        service("dead", "lonely", ports=[{"name": "http", "port": 8080, "targetPort": NOBODYS_PORT}]),
        service("db", "web", clusterIP="None"),
    )
    commands = ClusterCommands(tmp_path_factory.mktemp("why"), "why")
    with failing_upstream(), running(commands, "--timeout", "4s", "-", stdin=manifests, exit_status=4):
        assert eventually(lambda: len(commands.ready_pods("web")) == 2 and commands.ready_pods("lonely"))
        yield commands


def said(cluster: ClusterCommands, command: str, *arguments: str) -> dict[str, Any]:
    """Return the JSON that a command prints."""
    result = cluster.named(command, *arguments, "-o", "json")
    assert result.returncode == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def printed(cluster: ClusterCommands, command: str, *arguments: str) -> str:
    """Return the text that a command prints."""
    result = cluster.named(command, *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def at(cluster: ClusterCommands, name: str) -> str:
    """Return where a Service's cluster IP answers, or would answer if it had endpoints."""
    listener = cluster.listener(name)
    return f"{listener['address']}:{listener['port']}"


WHY = [
    pytest.param("canary", "2 pods have app=web, but no label version; none has version=v2.", id="selector"),
    pytest.param("misnamed", 'leads to the container port "htpp" (TCP), which 2 pods do not have', id="port-name"),
    pytest.param("alias", "It is nothing but a name: DNS answers with a CNAME to web.default.svc", id="external-name"),
    pytest.param("db", "It is headless (clusterIP None): nothing listens for it", id="headless"),
    pytest.param("local", "internalTrafficPolicy is Local and node-1 has no endpoint", id="policy-local"),
]


@pytest.mark.parametrize(("name", "sentence"), WHY)
def test_explain_says_why_a_service_does_what_it_does(cluster: ClusterCommands, name: str, sentence: str) -> None:
    assert sentence in printed(cluster, "explain", f"svc/{name}")


def test_explain_repeats_what_the_readiness_probe_said_last(cluster: ClusterCommands) -> None:
    expected = "the readiness probe of container netexec has not passed: Readiness probe failed: HTTP probe failed"
    assert eventually(lambda: expected in printed(cluster, "explain", "svc/unready")), printed(
        cluster, "explain", "svc/unready"
    )


def test_explain_shows_where_each_address_of_a_working_service_leads(cluster: ClusterCommands) -> None:
    document = said(cluster, "explain", "svc/web")
    assert document["healthy"]
    ((way,),) = [each["ways"] for each in document["paths"]]
    assert (way["clients"], way["verdict"]) == (["outside", "node-1", "node-2"], "FORWARD")
    addresses = sorted(f"{each['podIP']}:8080" for each in cluster.ready_pods("web"))
    assert [each.partition(" ")[0] for each in way["endpoints"]] == addresses


VERDICTS = [
    pytest.param("web", "FORWARD", 0, id="forward"),
    pytest.param("canary", "REJECT", CURLE_COULDNT_CONNECT, id="reject"),
    pytest.param("local", "DROP", CURLE_OPERATION_TIMEDOUT, id="drop"),
]


@pytest.mark.parametrize(("name", "verdict", "curls"), VERDICTS)
def test_a_trace_says_what_curl_then_sees(cluster: ClusterCommands, name: str, verdict: str, curls: int) -> None:
    assert said(cluster, "trace", "outside", f"svc/{name}")["verdict"] == verdict
    assert said(cluster, "trace", "127.0.0.1", at(cluster, name))["verdict"] == verdict
    assert curl_result(f"http://{at(cluster, name)}/", "--connect-timeout", "1").returncode == curls


def test_a_trace_from_a_pod_meets_the_rules_of_its_node(cluster: ClusterCommands) -> None:
    document = said(cluster, "trace", "pod/lonely", "svc/local")
    assert (document["node"], document["verdict"]) == ("node-2", "FORWARD")
    lonely = next(each for each in cluster.pods("lonely"))
    source = ("--interface", lonely["podIP"])
    assert curl(f"http://{at(cluster, 'local')}/hostname", *source) == "lonely"


def test_a_trace_knows_to_whom_session_affinity_has_pinned_a_client(cluster: ClusterCommands) -> None:
    curl(f"http://{at(cluster, 'sticky')}/")
    document = said(cluster, "trace", "outside", "svc/sticky")
    assert f"pinned to {document['chosen']}" in document["balancing"]
    (pod,) = [each["pod"] for each in document["endpoints"] if each["address"] == document["chosen"]]
    assert {curl(f"http://{at(cluster, 'sticky')}/hostname") for _ in range(5)} == {pod}


NAMES = [
    pytest.param("web", "A", "NOERROR", id="cluster-ip"),
    pytest.param("_http._tcp.web", "SRV", "NOERROR", id="srv"),
    pytest.param("db", "A", "NOERROR", id="headless"),
    pytest.param("alias", "CNAME", "NOERROR", id="alias"),
    pytest.param("web", "AAAA", "NODATA", id="nodata"),
    pytest.param("nobody", "A", "NXDOMAIN", id="nxdomain"),
]


@pytest.mark.parametrize(("name", "qtype", "rcode"), NAMES)
def test_a_traced_name_has_the_answers_that_dig_gets(
    cluster: ClusterCommands, name: str, qtype: str, rcode: str
) -> None:
    full = f"{name}.default.svc.cluster.local"
    (lookup,) = said(cluster, "trace", "--dns", full, qtype)["lookups"]
    assert lookup["rcode"] == rcode
    assert sorted(each.partition(f" IN {qtype} ")[2] for each in lookup["answers"]) == cluster.dig(full, qtype)
    assert lookup["reasons"]


def test_a_short_name_is_walked_through_the_search_list(cluster: ClusterCommands) -> None:
    names = [each["name"] for each in said(cluster, "trace", "--dns", "web.default")["lookups"]]
    assert names == ["web.default.default.svc.cluster.local.", "web.default.svc.cluster.local."]


def test_an_endpoint_that_refused_is_told_by_explain_and_trace(cluster: ClusterCommands) -> None:
    lonely = next(each for each in cluster.pods("lonely"))
    address = f"{lonely['podIP']}:{NOBODYS_PORT}"
    assert "The connection is made." in printed(cluster, "trace", "outside", "svc/dead")
    assert curl_result(f"http://{at(cluster, 'dead')}/").returncode
    told = printed(cluster, "explain", "svc/dead")
    assert f"! The endpoint {address} did not answer: the last 4 attempts failed (connect_refused), " in told
    document = said(cluster, "trace", "outside", "svc/dead")
    assert document["endpoints"][0]["doubt"].startswith("did not answer: ")
    assert document["outcome"].startswith("The connection is taken, but no endpoint will do")


def test_a_name_whose_target_does_not_resolve_is_told_by_explain_and_trace(cluster: ClusterCommands) -> None:
    told = printed(cluster, "explain", "svc/abroad")
    assert "! Its target db.example.com has no address: an upstream name server answers SERVFAIL." in told
    full = "abroad.default.svc.cluster.local"
    assert "An upstream answers db.example.com. with SERVFAIL." in printed(cluster, "trace", "--dns", full)


def test_connections_of_a_service_that_refuses_say_why_there_are_none(cluster: ClusterCommands) -> None:
    assert curl_result(f"http://{at(cluster, 'canary')}/").returncode == CURLE_COULDNT_CONNECT
    result = cluster.named("connections", "svc/canary")
    assert (result.returncode, result.stdout) == (0, "No connections.\n")
    assert "Service default/canary has no endpoints: the kernel refuses its clients" in result.stderr


def test_connections_are_those_of_the_service_that_is_named(cluster: ClusterCommands) -> None:
    for name in ("web", "sticky"):
        curl(f"http://{at(cluster, name)}/")
    assert {each["service"] for each in said(cluster, "connections", "svc/sticky")["connections"]} == {"default/sticky"}
    assert said(cluster, "connections", "-n", "kube-system")["connections"] == []


def test_connections_are_kept_with_the_decision_made_for_them(cluster: ClusterCommands) -> None:
    pod = curl(f"http://{at(cluster, 'web')}/hostname")
    found = [each for each in said(cluster, "connections")["connections"] if each["service"] == "default/web"]
    assert found
    assert (found[-1]["pod"], found[-1]["client"], found[-1]["node"]) == (pod, "127.0.0.1", "node-1")
    assert (found[-1]["why"], found[-1]["state"]) == ("random of 2", "closed")
    assert found[-1]["bytesToClient"] > len(pod)
    assert f"({pod})" in printed(cluster, "connections")


def test_connections_can_be_watched_as_they_come(cluster: ClusterCommands, tmp_path: Path) -> None:
    curl(f"http://{at(cluster, 'web')}/")
    out = tmp_path / "watched"
    with out.open("w") as file:
        watch = subprocess.Popen(
            [*KUBESVC, "connections", "--name", cluster.name, "-w", "-o", "json"],
            stdout=file,
            env={**os.environ, **cluster.env},
            start_new_session=True,
        )
    try:
        # What is kept comes first: when that is there, the watch has begun.
        assert eventually(lambda: out.read_text().count("\n") >= 1 or watch.poll() is not None)
        curl(f"http://{at(cluster, 'web')}/hostname")
        before = len(said(cluster, "connections")["connections"])
        assert eventually(lambda: out.read_text().count("\n") >= before), out.read_text()
        last = json.loads(out.read_text().rstrip("\n").split("\n")[-1])
        assert (last["service"], last["state"]) == ("default/web", "closed")
    finally:
        watch.terminate()
        watch.wait(timeout=PATIENCE)


BAD = [
    pytest.param(
        ["explain", "svc/wbe"], 1, 'services "wbe" not found in namespace default; did you mean web', id="explain"
    ),
    pytest.param(["explain", "pod/web"], 2, 'write it as "svc/NAME"', id="explain-a-pod"),
    pytest.param(["trace", "nowhere", "svc/web"], 1, "write an address, pod/NAME, node/NAME or outside", id="source"),
    pytest.param(
        ["trace", "outside", "web"], 1, "write svc/NAME:PORT, ADDRESS:PORT or DNS-NAME:PORT", id="destination"
    ),
    pytest.param(["trace", "outside", "svc/web:81"], 1, "has no port 81; it has 8080/tcp (http)", id="port"),
    pytest.param(["trace", "--dns", "web", "FOO"], 1, "is not a known record type: A, NS", id="type"),
    pytest.param(["trace", "--dns", "a..b"], 1, "is not a DNS name", id="name"),
    pytest.param(["connections", "wbe"], 1, 'services "wbe" not found in namespace default', id="connections"),
]


@pytest.mark.parametrize(("arguments", "status", "message"), BAD)
def test_what_cannot_be_asked_is_refused_with_what_can(
    cluster: ClusterCommands, arguments: list[str], status: int, message: str
) -> None:
    result = cluster.named(*arguments)
    assert (result.returncode, result.stdout) == (status, "")
    assert message in result.stderr


def test_after_scaling_to_nothing_explain_names_the_deployment(cluster: ClusterCommands) -> None:
    cluster.scale("deployment/web", 0)
    expected = "Deployment web makes such pods, and is scaled to 0 replicas."
    assert eventually(lambda: expected in printed(cluster, "explain", "svc/web")), printed(
        cluster, "explain", "svc/web"
    )
    assert said(cluster, "trace", "outside", "svc/web")["verdict"] == "REJECT"

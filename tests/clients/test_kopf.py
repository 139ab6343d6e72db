"""A kopf operator watches Services in a process of its own: legacy discovery, watches, merge patches, finalizers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from tests.helpers.cluster.api import APICluster
from tests.helpers.cluster.cli import eventually
from tests.helpers.patience import PATIENCE

NAMESPACE = "kopf"
OPERATOR = Path(__file__).with_name("service_operator.py")
PREFIX = "operator.example.com"


@pytest.fixture(scope="module")
def core(cluster: APICluster) -> Iterator[Any]:
    with config.new_client_from_config(str(cluster.kubeconfig)) as api:
        yield client.CoreV1Api(api)


@contextmanager
def operator(kubeconfig: Path, log: Path) -> Iterator[None]:
    """Run the operator; it must end well when it is asked to."""
    command = [sys.executable, "-m", "kopf", "run", "--standalone", "--namespace", NAMESPACE, str(OPERATOR)]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    with log.open("ab") as file, subprocess.Popen(command, stdout=file, stderr=file, env=environment) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                status = process.wait(PATIENCE)
            finally:
                process.kill()
    assert status == 0, log.read_text()


@pytest.fixture(scope="module")
def log(cluster: APICluster, core: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The operator's log; it runs for all tests, beginning with a Service that was there before it."""
    create(core, "earlier")
    file = tmp_path_factory.mktemp("kopf") / "operator.log"
    with operator(cluster.kubeconfig, file):
        yield file
    assert "Traceback" not in file.read_text(), file.read_text()


def create(core: Any, name: str) -> Any:
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    return core.create_namespaced_service(NAMESPACE, {"metadata": {"name": name}, "spec": spec})


def note(core: Any, name: str, what: str) -> str:
    """Return what the operator has noted on a Service, "" for nothing so far."""
    annotations = core.read_namespaced_service(name, NAMESPACE).metadata.annotations or {}
    return str(annotations.get(f"{PREFIX}/{what}", ""))


def test_the_operator_takes_up_what_was_there_before_it(core: Any, log: Path) -> None:
    address = core.read_namespaced_service("earlier", NAMESPACE).spec.cluster_ip
    assert eventually(lambda: note(core, "earlier", "address")) == address, log.read_text()


def test_the_operator_sees_a_service_come_change_and_go(core: Any, log: Path) -> None:
    created = create(core, "web")
    assert eventually(lambda: note(core, "web", "address")) == created.spec.cluster_ip, log.read_text()

    core.patch_namespaced_service("web", NAMESPACE, {"spec": {"selector": {"app": "other"}}})
    assert eventually(lambda: note(core, "web", "selector")) == "web to other", log.read_text()

    assert core.read_namespaced_service("web", NAMESPACE).metadata.finalizers == [
        "kopf.zalando.org/KopfFinalizerMarker"
    ]
    core.delete_namespaced_service("web", NAMESPACE)
    assert eventually(lambda: is_gone(core, "web")), log.read_text()
    assert eventually(lambda: "to web" in goodbyes(core)), log.read_text()


def is_gone(core: Any, name: str) -> bool:
    return not core.list_namespaced_service(NAMESPACE, field_selector=f"metadata.name={name}").items


def goodbyes(core: Any) -> set[str]:
    """Return the messages of the operator's events."""
    events = core.list_namespaced_event(NAMESPACE, field_selector="reason=Goodbye").items
    assert {each.source.component for each in events} <= {"kopf"}
    return {each.message for each in events}


def test_the_operator_goes_on_when_the_cluster_was_started_again(core: Any, cluster: APICluster, log: Path) -> None:
    address = core.read_namespaced_service("earlier", NAMESPACE).spec.cluster_ip
    assert cluster.commands.down().returncode == 0
    assert cluster.commands.up().returncode == 0, cluster.commands.started.stderr

    assert core.read_namespaced_service("earlier", NAMESPACE).spec.cluster_ip == address
    core.patch_namespaced_service("earlier", NAMESPACE, {"spec": {"selector": {"app": "again"}}})
    assert eventually(lambda: note(core, "earlier", "selector")) == "earlier to again", log.read_text()

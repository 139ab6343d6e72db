"""logs, exec, attach and port-forward: which requests become sessions."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import container, pod
from tests.helpers.kubeapiserver.client import DEFAULT, APIClient

from kubeapi.meta import ObjectKey
from kubeapi.podoptions import PodExecOptions, PodLogOptions
from kubeapi.scheme import PODS
from kubeapiserver.messages import CommandSession, LogSession, PortForwardSession, Session

WEB, TWO = ObjectKey("default", "web"), ObjectKey("default", "two")
RUNNING = {"running": {"startedAt": "2023-11-14T22:13:20Z"}}
ENDED = {"terminated": {"exitCode": 1}}


def status_of(name: str, state: Any, last: Any = None) -> dict[str, Any]:
    return {
        "name": name,
        "image": "nginx",
        "imageID": "",
        "ready": True,
        "restartCount": 0,
        "state": state,
        "lastState": last or {},
    }


@pytest.fixture
def client() -> APIClient:
    """A cluster with a running Pod ``web`` of one container, one of two, and one that has no node yet."""
    client = APIClient()
    two = [container("a"), container("b")]
    for obj, statuses in (
        (pod("web", nodeName="n1"), [status_of("app", RUNNING)]),
        (pod("two", nodeName="n1", containers=two, initContainers=[container("i")]), [status_of("a", RUNNING)]),
        (pod("homeless"), []),
    ):
        created = client.registry.create(PODS, obj)
        client.registry.update_status(PODS, {**created, "status": {"containerStatuses": statuses}})
    return client


@pytest.mark.parametrize(
    ("target", "session"),
    [
        pytest.param("web/log", LogSession(WEB, PodLogOptions("app")), id="log"),
        pytest.param(
            "web/log?container=app&follow=true", LogSession(WEB, PodLogOptions("app", follow=True)), id="follow"
        ),
        pytest.param(
            "web/log?tailLines=5&sinceSeconds=60&limitBytes=9&timestamps=1",
            LogSession(WEB, PodLogOptions("app", timestamps=True, tail_lines=5, since_seconds=60.0), limit_bytes=9),
            id="log-options",
        ),
        pytest.param(
            "web/log?sinceTime=2023-11-14T22:13:10Z",
            LogSession(WEB, PodLogOptions("app", since_seconds=10.0)),
            id="since",
        ),
        pytest.param("two/log?container=a", LogSession(TWO, PodLogOptions("a")), id="log-of-one-of-two"),
        pytest.param(
            "web/exec?command=ls&command=-l&stdout=true&stderr=true",
            CommandSession(WEB, PodExecOptions("app", ("ls", "-l")), has_stdout=True, has_stderr=True),
            id="exec",
        ),
        pytest.param(
            "web/exec?command=sh&container=app&stdin=true&stdout=true&stderr=true&tty=true",
            CommandSession(WEB, PodExecOptions("app", ("sh",), has_stdin=True, is_tty=True), has_stdout=True),
            id="terminal-has-no-stderr",
        ),
        pytest.param(
            "two/exec?command=sh&container=i&stdout=1",
            CommandSession(TWO, PodExecOptions("i", ("sh",)), has_stdout=True),
            id="init",
        ),
        pytest.param(
            "web/attach?stdout=1", CommandSession(WEB, PodExecOptions("app", ()), has_stdout=True), id="attach"
        ),
        pytest.param("web/portforward", PortForwardSession(WEB), id="port-forward"),
        pytest.param("web/portforward?ports=80&ports=81,82", PortForwardSession(WEB, (80, 81, 82)), id="ports"),
    ],
)
def test_a_session_says_what_is_asked_for(client: APIClient, target: str, session: Session) -> None:
    assert client.session(f"{DEFAULT}/pods/{target}") == session


@pytest.mark.parametrize("target", ["web/exec?command=ls&stdout=1", "web/attach?stdin=1", "web/portforward"])
def test_older_clients_post(client: APIClient, target: str) -> None:
    path = f"{DEFAULT}/pods/{target}"
    assert client.session(path, "POST") == client.session(path)


@pytest.mark.parametrize(
    ("target", "code", "message"),
    [
        pytest.param("nope/log", 404, 'pods "nope" not found', id="no-pod"),
        pytest.param("web/log?container=zz", 400, "container zz is not valid for pod web", id="no-container"),
        pytest.param(
            "web/exec?command=a&stdout=1&container=zz", 400, "container zz is not valid for pod web", id="exec-zz"
        ),
        pytest.param(
            "two/log",
            400,
            "a container name must be specified for pod two, choose one of: [a b] or one of the init containers: [i]",
            id="which",
        ),
        pytest.param(
            "homeless/exec?command=a&stdout=1", 400, "pod homeless does not have a host assigned", id="exec-host"
        ),
        pytest.param("homeless/attach?stdout=1", 400, "pod homeless does not have a host assigned", id="attach-host"),
        pytest.param("homeless/portforward", 400, "pod homeless does not have a host assigned", id="forward-host"),
        pytest.param("web/exec?stdout=1", 400, "you must specify at least one command for the container", id="nothing"),
        pytest.param("web/exec?command=a", 400, "you must specify at least 1 of stdin, stdout, stderr", id="no-stream"),
        pytest.param("web/attach", 400, "you must specify at least 1 of stdin, stdout, stderr", id="attach-no-stream"),
        pytest.param("web/portforward?ports=0", 400, 'unable to parse "0" as a port', id="port-0"),
        pytest.param("web/portforward?ports=http", 400, 'unable to parse "http" as a port', id="port-word"),
        pytest.param("web/portforward?ports=70000", 400, 'unable to parse "70000" as a port', id="port-too-large"),
        pytest.param("web/log?tailLines=x", 400, 'strconv.ParseInt: parsing "x": invalid syntax', id="tail-word"),
        pytest.param(
            "web/log?tailLines=-1",
            422,
            'PodLogOptions "web" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
            id="tail-negative",
        ),
        pytest.param(
            "web/log?sinceSeconds=0", 422, 'PodLogOptions "web" is invalid: sinceSeconds: Invalid', id="since-0"
        ),
        pytest.param("web/log?limitBytes=0", 422, 'PodLogOptions "web" is invalid: limitBytes: Invalid', id="limit-0"),
        pytest.param("web/log?sinceTime=x", 400, 'parsing time "x" as', id="since-word"),
        pytest.param("web/log?sinceTime=x&sinceSeconds=1", 422, 'PodLogOptions "web" is invalid: []: ', id="both"),
        pytest.param(
            "web/log?previous=true", 400, 'previous terminated container "app" in pod "web" not found', id="no-previous"
        ),
        pytest.param(
            "two/log?container=b",
            400,
            'container "b" in pod "two" is waiting to start: ContainerCreating',
            id="no-status-yet",
        ),
    ],
)
def test_what_cannot_be_had(client: APIClient, target: str, code: int, message: str) -> None:
    reply = client.get(f"{DEFAULT}/pods/{target}")
    assert reply.status == code
    assert reply.json["message"].startswith(message)


def test_a_pod_that_has_no_node_has_said_nothing(client: APIClient) -> None:
    reply = client.get(f"{DEFAULT}/pods/homeless/log")
    assert (reply.status, reply.text, reply.content_type) == (200, "", "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("state", "last", "query", "message"),
    [
        pytest.param(
            {"waiting": {"reason": "ErrImagePull"}}, None, "", "is waiting to start: ErrImagePull", id="waiting"
        ),
        pytest.param({"waiting": {"reason": "CrashLoopBackOff"}}, ENDED, "", "", id="crashed-has-a-log"),
        pytest.param(ENDED, None, "", "", id="ended-has-a-log"),
        pytest.param(RUNNING, ENDED, "?previous=true", "", id="previous"),
    ],
)
def test_only_a_container_that_has_run_has_a_log(state: Any, last: Any, query: str, message: str) -> None:
    client = APIClient()
    created = client.registry.create(PODS, pod("web", nodeName="n1"))
    statuses = {"containerStatuses": [status_of("app", state, last)]}
    client.registry.update_status(PODS, {**created, "status": statuses})
    target = f"{DEFAULT}/pods/web/log{query}"
    if message:
        assert client.get(target).json["message"] == f'container "app" in pod "web" {message}'
    else:
        session = client.session(target)
        assert isinstance(session, LogSession)
        assert session.options.previous == bool(query)

"""``agnhost nettest``: a server that its peers, the endpoints of a Service, tell of themselves, and that it tells.

Follows k8s.io/kubernetes ``test/images/agnhost/nettest``. A thread contacts the peers, which it finds by the API.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kubelet.servers.agnhost.dial import post_json
from kubelet.servers.agnhost.dialling import Dialler
from kubelet.servers.agnhost.golog import log
from kubelet.servers.agnhost.incluster import Access, InClusterError, in_cluster
from kubelet.servers.http.messages import Request, Response, Service

ROUNDS = 15
LONGEST_LOG = 500


class State:
    """What the server knows, as ``/read`` shows it; two threads use it, under ``lock``."""

    def __init__(self, hostname: str) -> None:
        self.lock = threading.Lock()
        self.hostname = hostname
        self.sent: dict[str, int] = {}
        self.received: dict[str, int] = {}
        self.errors: list[str] = []
        self.lines: list[str] = []
        self.is_contacting = True

    def say(self, text: str) -> None:
        """Add a line to the log, of which the last 500 are kept."""
        with self.lock:
            self.lines = [*self.lines, text][-LONGEST_LOG:]

    def document(self) -> Mapping[str, Any]:
        """Return the document of ``/read``: Go's null for what nothing was added to."""
        with self.lock:
            return {
                "Hostname": self.hostname,
                "Sent": dict(sorted(self.sent.items())) or None,
                "Received": dict(sorted(self.received.items())) or None,
                "Errors": list(self.errors) or None,
                "Log": list(self.lines) or None,
                "StillContactingPeers": self.is_contacting,
            }

    def receive(self, body: bytes) -> None:
        """Take what a peer has written."""
        with self.lock:
            try:
                source = str(json.loads(body).get("Source") or "")
            except (ValueError, AttributeError) as error:
                source = ""
                self.errors.append(str(error))
            if source:
                self.received[source] = self.received.get(source, 0) + 1
            else:
                self.errors.append(f"{self.hostname}: Got request with no source")

    def send(self, hostname: str) -> None:
        """Count a peer that has answered."""
        with self.lock:
            self.sent[hostname] = self.sent.get(hostname, 0) + 1


class Peers(NamedTuple):
    """Which peers to contact: at least ``least`` endpoints of a Service."""

    namespace: str
    service: str
    least: int

    @property
    def pause(self) -> float:
        """Seconds between two questions to the API."""
        return max(5.0, float(self.least // 10))

    @property
    def patience(self) -> float:
        """Seconds to wait for the API, and then for the peers."""
        return max(300.0, float(self.least))


def nettest(options: Mapping[str, Any], environment: Mapping[str, str], dialler: Dialler) -> Service:
    """Return the service, and begin to contact the peers."""
    state = State(environment.get("HOSTNAME", ""))
    peers = Peers(options["namespace"], options["service"], options["peers"])
    threading.Thread(target=_contact_all, args=(state, peers, environment, dialler), daemon=True).start()
    return peer_service(state, peers, options["delay"])


def peer_service(state: State, peers: Peers, delay_seconds: float) -> Service:
    """Return the service that peers write to, and that shows the state."""

    def respond(request: Request) -> Response:
        match request.path:
            case "/read":
                return Response(200, json.dumps(state.document(), indent="\t").encode())
            case "/write":
                state.receive(request.body)
                return Response(200, f"{json.dumps({'Hostname': state.hostname}, separators=(',', ':'))}\n".encode())
            case "/status":
                return Response(200, _status(state, peers).encode())
            case "/quit":
                return Response(200, b"", exit_code=0)
        return Response(404, b"404 page not found\n")

    return Service(respond, (), delay_seconds=delay_seconds)


def _status(state: State, peers: Peers) -> str:
    with state.lock:
        sent, received, is_contacting = len(state.sent), len(state.received), state.is_contacting
    if sent >= peers.least and received >= peers.least:
        return "pass"
    if is_contacting:
        return "running"
    where = f"{peers.namespace}/{peers.service}"
    state.say(f"Declaring failure for {where} with {sent} sent and {received} received and {peers.least} peers")
    return "fail"


def _contact_all(state: State, peers: Peers, environment: Mapping[str, str], dialler: Dialler) -> None:
    """Wait for the API and for enough peers, and contact all there are, several times; without access the pod ends."""
    try:
        access = in_cluster(environment)
        _wait_for_api(access, peers)
    except (InClusterError, OSError, http.client.HTTPException) as error:
        log(f"Unable to contact Kubernetes: {error}")
        os._exit(1)
    end = time.monotonic() + peers.patience
    while len(found := set(_endpoints(access, peers, state))) < peers.least and time.monotonic() < end:
        where, some = f"{peers.namespace}/{peers.service}", f"{len(found)} endpoints ({sorted(found)})"
        state.say(f"{where} has {some}, which is less than {peers.least} as expected. Waiting for all endpoints.")
        time.sleep(peers.pause)
    for _ in range(ROUNDS):
        for each in set(_endpoints(access, peers, state)):
            _contact(each, state, dialler)
        time.sleep(peers.pause)
    with state.lock:
        state.is_contacting = False


def _wait_for_api(access: Access, peers: Peers) -> None:
    end = time.monotonic() + peers.patience
    while True:
        try:
            version = access.get("/version")
        except (InClusterError, OSError, http.client.HTTPException) as error:
            log(f"Unable to get server version: {error}; retrying.")
            if time.monotonic() > end:
                raise
            time.sleep(peers.pause)
        else:
            log(f"Server version: {version.get('gitVersion')}")
            return


def _endpoints(access: Access, peers: Peers, state: State) -> Iterator[tuple[str, int]]:
    try:
        found = access.get(f"/api/v1/namespaces/{peers.namespace}/endpoints/{peers.service}")
    except (InClusterError, OSError, http.client.HTTPException) as error:
        state.say(f"Unable to read the endpoints for {peers.namespace}/{peers.service}: {error}.")
        return
    for subset in found.get("subsets", ()):
        for address in subset.get("addresses", ()):
            yield from ((address["ip"], port["port"]) for port in subset.get("ports", ()))


def _contact(peer: tuple[str, int], state: State, dialler: Dialler) -> None:
    url = f"http://{peer[0]}:{peer[1]}"
    state.say(f"Attempting to contact {url}")
    try:
        answer = post_json(*peer, "/write", {"Source": state.hostname, "Dest": url}, dialler)
        state.send(str(json.loads(answer)["Hostname"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        state.say(f'Warning: unable to contact the endpoint "{url}": {error}')

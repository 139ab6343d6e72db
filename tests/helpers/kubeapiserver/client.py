"""A client of the API server's handlers: what kubectl would send, and what comes back, without a socket."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.helpers.kubeapi.objects import FakeClock
from tests.helpers.kubeapi.tokens import token_issuer

from kubeapi.meta import JSON
from kubeapi.registry import Registry, RegistryConfig, bootstrap
from kubeapi.scheme import Resource
from kubeapi.store import HISTORY_LIMIT, Store
from kubeapi.watching import WatchEvent
from kubeapiserver.apiserver import APIServer
from kubeapiserver.auth.authentication import Authenticator
from kubeapiserver.handlers.writer import Admit
from kubeapiserver.messages import Answer, Request, Response, Session, Watch

DEFAULT = "/api/v1/namespaces/default"
APPS = "/apis/apps/v1/namespaces/default"
JSON_ACCEPT = "application/json"
TABLE_ACCEPT = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)
PROTOBUF_ACCEPT = "application/vnd.kubernetes.protobuf,application/json"
PATCH_TYPES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


@dataclass(frozen=True)
class Reply:
    """A complete answer, read."""

    status: int
    text: str
    content_type: str
    headers: tuple[tuple[str, str], ...]

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def warnings(self) -> list[str]:
        return [value for name, value in self.headers if name == "Warning"]

    @property
    def rows(self) -> list[list[Any]]:
        """The cells of a Table."""
        return [row["cells"] for row in self.json["rows"]]

    @property
    def names(self) -> list[str]:
        """The names in a list."""
        return [item["metadata"]["name"] for item in self.json["items"]]


class WatchReader:
    """Reads a watch as the server writes it: the initial lines, then every event of the Store."""

    def __init__(self, watch: Watch, registry: Registry) -> None:
        self.watch = watch
        self._lines = list(watch.initial)
        self._stop = registry.store.watch(watch.resource, watch.resource_version, self._note)

    def _note(self, event: WatchEvent) -> None:
        line = self.watch.encode(event)
        if line is not None:
            self._lines.append(line)

    def take(self) -> list[JSON]:
        """Return the events since the last call."""
        taken = [json.loads(line) for line in self._lines]
        self._lines.clear()
        return taken

    def seen(self) -> list[str]:
        """Return the events since the last call, as ``ADDED web``."""
        return [f"{each['type']} {each['object']['metadata'].get('name', '')}".rstrip() for each in self.take()]

    def close(self) -> None:
        self._stop()


def admit_unchanged(_resource: Resource, obj: JSON) -> tuple[JSON, Sequence[str]]:
    """Admit every object as it is."""
    return obj, ()


class APIClient:
    """Sends requests to the handlers of a cluster of its own, bootstrapped as every cluster is."""

    def __init__(self, admit: Admit = admit_unchanged, history_limit: int = HISTORY_LIMIT) -> None:
        self.clock = FakeClock()
        store = Store(history_limit)
        self.registry = Registry(store, RegistryConfig(), clock=self.clock, rng=random.Random(1))
        bootstrap(self.registry)
        authenticator = Authenticator("t0ken", token_issuer(self.registry, self.clock))
        self.api = APIServer(self.registry, clock=self.clock, admit=admit, authenticator=authenticator)

    def ask(self, method: str, target: str, body: Any = None, accept: str = JSON_ACCEPT, media: str = "") -> Answer:
        """Return whatever the handlers answer; ``body`` is bytes, or JSON."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = {"Accept": accept, "User-Agent": "kubectl/v1.32.4"} | ({"Content-Type": media} if media else {})
        return self.api.handle(Request.of(method, target, headers, content))

    def send(self, method: str, target: str, body: Any = None, accept: str = JSON_ACCEPT, media: str = "") -> Reply:
        """Return a complete answer."""
        answer = self.ask(method, target, body, accept, media)
        assert isinstance(answer, Response), answer
        return Reply(answer.status, answer.body.decode(), answer.content_type, tuple(answer.headers))

    def get(self, target: str, accept: str = JSON_ACCEPT) -> Reply:
        return self.send("GET", target, accept=accept)

    def post(self, target: str, body: Any) -> Reply:
        return self.send("POST", target, body)

    def put(self, target: str, body: Any) -> Reply:
        return self.send("PUT", target, body)

    def delete(self, target: str, body: Any = None) -> Reply:
        return self.send("DELETE", target, body)

    def patch(self, target: str, body: Any, kind: str = "strategic") -> Reply:
        """Send a patch; ``kind`` is one of PATCH_TYPES."""
        return self.send("PATCH", target, body, media=PATCH_TYPES[kind])

    def session(self, target: str, method: str = "GET") -> Session:
        answer = self.ask(method, target)
        assert isinstance(answer, Session), answer
        return answer

    def watch(self, target: str, accept: str = JSON_ACCEPT) -> WatchReader:
        answer = self.ask("GET", target, accept=accept)
        assert isinstance(answer, Watch), answer
        return WatchReader(answer, self.registry)

    def version(self) -> int:
        """Return the resourceVersion that the Store has reached."""
        return self.registry.store.resource_version

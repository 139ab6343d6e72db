"""Paths that are not about resources: discovery, version, health, metrics and OpenAPI documents. Pure."""

from __future__ import annotations

from collections.abc import Callable

from kubeapi.failures import Failures
from kubeapi.serviceaccounts.issuer import CONFIGURATION_PATH, KEYS_PATH, TokenIssuer
from kubeapiserver.discovery import Discovery
from kubeapiserver.errors import MethodNotAllowed
from kubeapiserver.messages import Request, Response
from kubeapiserver.metrics import RequestMetrics
from kubeapiserver.requests.paths import ResourcePath
from kubeapiserver.responses.statuses import document_response, not_found_page, text_response

_HEALTH = ("/healthz", "/livez", "/readyz")
_CHECKS = ("ping", "log", "etcd")
"""Checks of a kube-apiserver that have paths of their own; they all succeed while the server runs."""


class NonResourcePaths:
    """Answers requests for non-resource paths; without an ``issuer`` there are no keys of tokens."""

    def __init__(
        self, discovery: Discovery, metrics: RequestMetrics, failures: Failures, issuer: TokenIssuer | None
    ) -> None:
        self._discovery = discovery
        self._metrics = metrics
        self._failures = failures
        self._issuer = issuer

    def resources(self, request: Request, path: ResourcePath) -> Response:
        """Answer ``/api/VERSION`` and ``/apis/GROUP/VERSION``."""
        return _only_get(request, lambda _: self._discovery.resources(path.group, path.version))

    def answer(self, request: Request, path: str) -> Response:
        """Answer any other path, without trailing slashes; 404 if it is unknown."""
        if document := self._discovery_document(path):
            return _only_get(request, document)
        if self._issuer is not None and path in (CONFIGURATION_PATH, KEYS_PATH):
            found = self._issuer.keys() if path == KEYS_PATH else self._issuer.configuration()
            return _only_get(request, lambda _: document_response(found))
        if path == "/metrics":
            return self._metrics.response()
        if path in _HEALTH:
            return text_response(200, self._verbose_health(path) if "verbose" in request.query else "ok")
        if path.removeprefix("/").partition("/")[2] in _CHECKS and path.rpartition("/")[0] in _HEALTH:
            return text_response(200, "ok")
        # Imported here, because a server that nobody asks for its schema needs none.
        from kubeapiserver.openapi.v3 import openapi_answer

        answer = openapi_answer(request, self._discovery.custom_resources(), self._discovery.offers())
        return answer or not_found_page()

    def _discovery_document(self, path: str) -> Callable[[Request], Response | None] | None:
        match path.split("/")[1:]:
            case [""]:
                return lambda _: self._discovery.paths()
            case ["version"]:
                return lambda _: self._discovery.version()
            case ["api"]:
                return self._discovery.core_versions
            case ["apis"]:
                return self._discovery.groups
            case ["apis", group]:
                return lambda _: self._discovery.group(group)
        return None

    def _verbose_health(self, path: str) -> str:
        """Return every check by name, for `kubectl get --raw '/readyz?verbose'`.

        A component that goes on without an object that it cannot read is healthy; its line names the object.
        """
        failures = [f"[+]{each.component} ok, but {' '.join(str(each).split())}" for each in self._failures.all()]
        return "\n".join(["[+]ping ok", *failures, f"{path.strip('/')} check passed", ""])


def _only_get(request: Request, document: Callable[[Request], Response | None]) -> Response:
    if request.method != "GET":
        raise MethodNotAllowed
    return document(request) or not_found_page()

"""What a node's kubelet would answer below ``/proxy``: its health, its pods and the logs of their containers. Pure.

There is one kubelet for all nodes and it has no port; what it would say is in the Store. Follows the kubelet's
``pkg/kubelet/server`` and the layout of /var/log/pods.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from urllib.parse import quote, unquote

from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import NODES, PODS
from kubeapi.status import NotFound
from kubeapi.store import Store
from kubeapiserver.errors import MethodNotAllowed
from kubeapiserver.messages import Answer, Request, Response, Session
from kubeapiserver.requests.paths import Target
from kubeapiserver.responses.statuses import document_response, not_found_page, text_response

_LOG_FILE = "0.log"


class NodeProxy:
    """Answers as the kubelet of a node."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, request: Request, target: Target, path: str) -> Answer:
        """Answer ``path`` of the node ``name[:port]``; whatever the port, it is the kubelet's."""
        name = target.name.partition(":")[0]
        if self._store.find(NODES, ObjectKey("", name)) is None:
            raise NotFound(NODES, name)
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed
        pods = [each for each in self._store.list(PODS) if each["spec"].get("nodeName") == name]
        match [unquote(each) for each in path.strip("/").split("/")]:
            case ["healthz"]:
                return text_response(200, "ok")
            case ["pods"]:
                return document_response({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods})
            case ["logs", *rest]:
                return _logs(pods, rest)
        return not_found_page()


def _logs(pods: list[JSON], path: list[str]) -> Answer:
    """Answer for a folder or a file below /var/log."""
    match path:
        case []:
            return _listing(["pods/"])
        case ["pods"]:
            return _listing(f"{_folder(each)}/" for each in pods)
        case ["pods", folder, *rest]:
            pod = next((each for each in pods if _folder(each) == folder), None)
            return not_found_page() if pod is None else _logs_of(pod, rest)
    return not_found_page()


def _logs_of(pod: JSON, path: list[str]) -> Answer:
    metadata, spec = pod["metadata"], pod["spec"]
    containers = [each["name"] for each in (*(spec.get("initContainers") or ()), *spec["containers"])]
    match path:
        case []:
            return _listing(f"{each}/" for each in containers)
        case [container] if container in containers:
            return _listing([_LOG_FILE])
        case [container, file] if container in containers and file == _LOG_FILE:
            return Session("log", metadata["namespace"], metadata["name"], container, has_timestamps=True)
    return not_found_page()


def _folder(pod: JSON) -> str:
    metadata = pod["metadata"]
    return f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"


def _listing(names: Iterable[str]) -> Response:
    """Return a folder as Go's file server shows it."""
    links = (f'<a href="{quote(each)}">{html.escape(each)}</a>\n' for each in sorted(names))
    return Response(200, f"<pre>\n{''.join(links)}</pre>\n".encode(), "text/html; charset=utf-8")

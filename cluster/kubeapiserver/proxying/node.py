"""The kubelet's own paths below ``/proxy`` of a node: health, pods and the logs of their containers. Pure.

The kubelet here has no port, so the answers are made from the Store. Follows ``pkg/kubelet/server`` and the layout of
/var/log/pods.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from urllib.parse import quote, unquote

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.objects.pod import read_pod
from kubeapi.podoptions import PodLogOptions
from kubeapi.scheme import NODES, PODS
from kubeapi.status import NotFound
from kubeapi.store import Store
from kubeapiserver.errors import MethodNotAllowed
from kubeapiserver.messages import Answer, LogSession, Request, Response
from kubeapiserver.responses.statuses import document_response, not_found_page, text_response

_LOG_FILE = "0.log"


class NodeProxy:
    """Answers as the kubelet of a node."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, request: Request, node: str, path: str) -> Answer:
        """Answer for ``path`` of the node ``name[:port]``; every port is taken for the kubelet's."""
        name = node.partition(":")[0]
        if self._store.find(NODES, ObjectKey("", name)) is None:
            raise NotFound(NODES, name)
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed
        pods = [each for each in self._store.list(PODS) if read_pod(each).node_name == name]
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
    reading = read_pod(pod)
    containers = [each["name"] for each in (*reading.init_containers, *reading.containers)]
    match path:
        case []:
            return _listing(f"{each}/" for each in containers)
        case [container] if container in containers:
            return _listing([_LOG_FILE])
        case [container, file] if container in containers and file == _LOG_FILE:
            return LogSession(key_of(pod), PodLogOptions(container, timestamps=True))
    return not_found_page()


def _folder(pod: JSON) -> str:
    metadata = pod["metadata"]
    return f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"


def _listing(names: Iterable[str]) -> Response:
    """Return the listing of a folder as Go's file server writes it."""
    links = (f'<a href="{quote(each)}">{html.escape(each)}</a>\n' for each in sorted(names))
    return Response(200, f"<pre>\n{''.join(links)}</pre>\n".encode(), "text/html; charset=utf-8")

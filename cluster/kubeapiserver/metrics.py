"""``/metrics``: how many requests there were, and how many objects there are, as Prometheus reads it. Pure.

The names and labels are kube-apiserver's (``apiserver_request_total``, ``apiserver_storage_objects``), of its labels
those that mean something here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from kubeapi.kinds import RESOURCES
from kubeapi.store import Store
from kubeapiserver.messages import Answer, Response, Watch

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
_OTHERS = "other"
_METHODS = frozenset(("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"))


class RequestMetrics:
    """Counts answers by verb, resource and status code: a bounded number of series, whatever clients send."""

    def __init__(self, store: Store, version: str) -> None:
        self._store = store
        self._version = version
        self._answers: Counter[tuple[str, str, int]] = Counter()

    def count(self, method: str, plural: str, answer: Answer) -> None:
        """Record an answer; ``plural`` is "" for what is about no resource."""
        verb = "WATCH" if isinstance(answer, Watch) else method if method in _METHODS else _OTHERS
        code = answer.status if isinstance(answer, Response) else 200
        self._answers[verb, plural, code] += 1

    def response(self) -> Response:
        """Answer ``/metrics``."""
        lines = [
            *_family("kubernetes_build_info", "gauge", "The version of the API server."),
            f'kubernetes_build_info{{git_version="{self._version}"}} 1',
            *_family("apiserver_request_total", "counter", "Answers, by verb, resource and status code."),
            *(
                f'apiserver_request_total{{code="{code}",resource="{plural}",verb="{verb}"}} {number}'
                for (verb, plural, code), number in sorted(self._answers.items())
            ),
            *_family("apiserver_storage_objects", "gauge", "Objects that are stored, by resource."),
            *(
                f'apiserver_storage_objects{{resource="{each.qualified}"}} {len(self._store.list(each))}'
                for each in sorted(RESOURCES, key=lambda each: each.qualified)
            ),
        ]
        return Response(200, ("\n".join(lines) + "\n").encode(), TEXT_FORMAT)


def _family(name: str, kind: str, text: str) -> Iterable[str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"

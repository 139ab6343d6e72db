"""``/metrics``: counts of requests and of stored objects, in Prometheus' text format. Pure.

Names and labels are kube-apiserver's (``apiserver_request_total``, ``apiserver_storage_objects``); labels that have no
meaning here are omitted.
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
    """Counts answers by verb, resource and status code; the number of series is bounded, whatever clients send."""

    def __init__(self, store: Store, version: str) -> None:
        self._store = store
        self._version = version
        self._answers: Counter[tuple[str, str, int]] = Counter()

    def count(self, method: str, plural: str, answer: Answer) -> None:
        """Record an answer; ``plural`` is "" for a non-resource path."""
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

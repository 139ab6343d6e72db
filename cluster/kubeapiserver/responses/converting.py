"""Answers whose documents are converted to another version of their kind. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable

from kubeapi.meta import JSON
from kubeapi.watching import WatchEvent
from kubeapiserver.messages import Answer, Response, Watch
from kubeapiserver.responses.statuses import encode_line

Convert = Callable[[JSON], JSON]
"""Returns a document of an answer (an object, a list, a Table, a Status) as the client asked for it."""


def converted(answer: Answer, convert: Convert) -> Response | Watch:
    """Return an answer with its documents converted."""
    if isinstance(answer, Watch):
        return _converted_watch(answer, convert)
    assert isinstance(answer, Response)
    return answer._replace(body=encode_line(convert(json.loads(answer.body))))


def _converted_watch(watch: Watch, convert: Convert) -> Watch:
    bookmark = watch.bookmark

    def line(text: bytes) -> bytes:
        event = json.loads(text)
        return encode_line({**event, "object": convert(event["object"])})

    def encoded(event: WatchEvent) -> bytes | None:
        text = watch.encode(event)
        return None if text is None else line(text)

    return watch._replace(
        initial=[line(each) for each in watch.initial],
        encode=encoded,
        bookmark=None if bookmark is None else lambda version: line(bookmark(version)),
    )

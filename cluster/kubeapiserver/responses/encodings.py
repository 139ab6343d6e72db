"""Answers in the media type that the client prefers: JSON, JSON with indentation, YAML or protobuf. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable

from kubeapi.watching import WatchEvent
from kubeapiserver.messages import JSON_TYPE, PROTOBUF_TYPE, YAML_TYPE, Answer, Request, Response, Watch
from kubeapiserver.requests.negotiation import is_pretty, preferred_media
from kubeapiserver.responses.statuses import indented
from kubemanifest.yamltext.parsing import write_yaml


def negotiated(request: Request, answer: Answer) -> Answer:
    """Return an answer that is made of JSON in the form that the client prefers."""
    media = preferred_media(request.headers.get("accept", ""))
    if isinstance(answer, Watch):
        is_socket = "upgrade" in request.headers
        return _framed(answer) if media == PROTOBUF_TYPE and not is_socket else answer
    if not isinstance(answer, Response) or answer.content_type != JSON_TYPE:
        return answer
    if media == YAML_TYPE:
        return answer._replace(body=write_yaml(json.loads(answer.body)).encode(), content_type=YAML_TYPE)
    if media == PROTOBUF_TYPE:
        # Imported here, because hardly a client asks for it.
        from kubeapiserver.protobuf.encoding import encode

        packed = encode(json.loads(answer.body))
        return answer if packed is None else answer._replace(body=packed, content_type=PROTOBUF_TYPE)
    return answer._replace(body=indented(answer.body)) if is_pretty(request) else answer


def _framed(watch: Watch) -> Watch:
    """Return a watch with its lines as frames of protobuf."""
    bookmark = watch.bookmark

    def encoded(event: WatchEvent) -> bytes | None:
        line = watch.encode(event)
        return None if line is None else _frame(line)

    frame_of: Callable[[int], bytes] | None = None
    if bookmark is not None:
        frame_of = lambda version: _frame(bookmark(version))  # noqa: E731 - the bound function is known not to be None
    initial = [_frame(each) for each in watch.initial]
    return watch._replace(initial=initial, encode=encoded, bookmark=frame_of, media=PROTOBUF_TYPE)


def _frame(line: bytes) -> bytes:
    from kubeapiserver.protobuf.encoding import encode_event

    return encode_event(json.loads(line))

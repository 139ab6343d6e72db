"""The answers of conversion webhooks. Pure.

Follows apiextensions-apiserver ``apiserver/conversion/webhook_converter.go``, with its messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.status import StatusError
from kubeapi.validation.metadata import validate_annotations, validate_labels
from kubeapi.webhooks.calls import Outcome

KIND = "ConversionReview"
METADATA_FIELDS = ("labels", "annotations")
"""What of the metadata a webhook may change."""

_GROUP = "apiextensions.k8s.io"


def group_version(stated: Sequence[str]) -> str:
    """Return the first version of a ConversionReview that is understood here."""
    return f"{_GROUP}/{next((each for each in stated if each in ('v1', 'v1beta1')), 'v1')}"


class _Words(NamedTuple):
    """How errors name the webhook, and the place of an object in the answer ("" for the only one)."""

    webhook: str
    where: str = ""

    def object(self, *, has_place: bool = False) -> str:
        if self.where:
            return f"{self.webhook} returned invalid converted object {self.where}"
        return f"{self.webhook} returned invalid object{' at index 0' if has_place else ''}"

    def metadata(self) -> str:
        return f"{self.webhook} returned invalid metadata{f' in object {self.where}' if self.where else ''}"


def read_answer(outcome: Outcome, review_version: str, sent: Sequence[JSON], api_version: str) -> list[JSON]:
    """Return the converted objects, with labels and annotations as their only metadata; StatusError."""
    words = _Words(f"conversion webhook for {sent[0]['apiVersion']}, Kind={sent[0]['kind']}")
    try:
        if outcome.failure:
            raise _AnswerError(outcome.failure)
        objects = _objects(outcome, review_version)
    except _AnswerError as error:
        raise _error(f"{words.webhook} failed: {error}") from None
    if len(objects) != len(sent):
        raise _error(f"{words.webhook} returned {len(objects)} objects, expected {len(sent)}")
    if len(sent) == 1:
        return [_checked(sent[0], objects[0], api_version, words)]
    return [
        _checked(original, each, api_version, words._replace(where=f"at index {index}"))
        for index, (original, each) in enumerate(zip(sent, objects, strict=True))
    ]


class _AnswerError(Exception):
    """There is no answer, or it is not one."""


def _objects(outcome: Outcome, review_version: str) -> list[Any]:
    try:
        review = json.loads(outcome.body)
    except ValueError as error:
        raise _AnswerError(f"couldn't decode the answer as JSON: {error}") from None
    review = review if isinstance(review, dict) else {}
    expected, got = (review_version, KIND), (str(review.get("apiVersion") or ""), str(review.get("kind") or ""))
    if got != expected:
        texts = [f"{version}, Kind={kind}" for version, kind in (expected, got)]
        raise _AnswerError(f"expected webhook response of {texts[0]}, got {texts[1]}")
    response = review.get("response")
    if not isinstance(response, dict):
        raise _AnswerError("no response provided")
    if response.get("uid") != outcome.uid:
        raise _AnswerError(f'expected response.uid="{outcome.uid}", got "{response.get("uid") or ""}"')
    result = map_at(response, "result")
    if (status := result.get("status") or "") != "Success":
        raise _AnswerError(result.get("message") or f"response.result.status was '{status}', not 'Success'")
    return [*list_at(response, "convertedObjects")]


def _checked(original: JSON, converted: Any, api_version: str, words: _Words) -> JSON:
    if not isinstance(converted, dict):
        raise _error(f"{words.object(has_place=True)}: it is no object")
    for what, field, wanted in (("groupVersion", "apiVersion", api_version), ("kind", "kind", original["kind"])):
        if (got := converted.get(field) or "") != wanted:
            invalid = f"invalid {what} (expected {wanted}, received {got})"
            raise _error(f"{words.object(has_place=True)}: {invalid}")
    metadata = converted.get("metadata")
    if not isinstance(metadata, dict):
        problem = "invalid metadata" if "metadata" in converted else "missing metadata"
        raise _error(f"{words.metadata()}: {problem} in converted object")
    for what, field in (("name", "name"), ("namespace", "namespace"), ("UID", "uid")):
        wanted, got = original["metadata"].get(field) or "", metadata.get(field) or ""
        if got != wanted:
            raise _error(f"{words.object()}: must have the same {what}: {wanted} != {got}")
    if faults := list(_metadata_faults(metadata)):
        listed = ", ".join(faults)
        raise _error(f"{words.metadata()}: {listed if len(faults) == 1 else f'[{listed}]'}")
    return {**converted, "metadata": {name: metadata[name] for name in METADATA_FIELDS if metadata.get(name)}}


def _metadata_faults(metadata: JSON) -> Iterator[str]:
    for field, path, validate in (
        ("labels", "metadata.labels", validate_labels),
        ("annotations", "metadata.annotation", validate_annotations),
    ):
        values = metadata.get(field) or {}
        if not isinstance(values, dict):
            yield f"invalid metadata.{field} in converted object"
            return
        for name in (name for name, value in values.items() if not isinstance(value, str)):
            yield f"metadata.{field}[{name}] must be a string in converted object"
            return
        yield from map(str, validate(values, path))


def _error(message: str) -> StatusError:
    """Return the error of a request that needs the conversion: one without a reason, as that of the real server."""
    return StatusError(500, "", message)

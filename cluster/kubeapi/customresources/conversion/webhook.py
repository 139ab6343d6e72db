"""What a conversion webhook is asked, and what its answers mean. Pure.

Follows apiextensions-apiserver ``apiserver/conversion/webhook_converter.go``. An answer depends on what is converted,
not on the metadata that only the server writes: so what is on its way to the Store and what comes from there ask the
same question, and the answer is kept for the next time.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import OrderedDict
from collections.abc import Sequence

from kubeapi.customresources.conversion.review import KIND, METADATA_FIELDS, group_version, read_answer
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.serialization.gojson import write_json
from kubeapi.webhooks.calls import CallNeeded, Outcome, new_call

BATCH_OBJECTS = 500
"""Objects in one call, as many as the chunks of a list that kubectl asks for."""
KEPT_OBJECTS = 20_000
"""Converted objects that are kept."""
TIMEOUT_SECONDS = 30
"""How long a webhook may take (``pkg/util/webhook/client.go``)."""


class ConversionWebhook:
    """The webhook of one CustomResourceDefinition as it is now, with what it has converted.

    Any thread may ask; CallNeeded for what has not been converted yet.
    """

    def __init__(self, conversion: JSON) -> None:
        self._webhook = map_at(conversion, "webhook")
        self._kept: OrderedDict[str, JSON] = OrderedDict()

    def converted(self, obj: JSON, api_version: str) -> JSON:
        """Return an object in another version; it has the metadata of ``obj``, but for labels and annotations."""
        if obj["apiVersion"] == api_version:
            return obj
        self.require([obj], api_version)
        found = self._kept[_question(obj, api_version)]
        metadata = {name: value for name, value in obj["metadata"].items() if name not in METADATA_FIELDS}
        return {**found, "metadata": {**metadata, **found["metadata"]}}

    def require(self, objects: Sequence[JSON], api_version: str) -> None:
        """Raise CallNeeded if some of the objects have not been converted to a version."""
        others = (each for each in objects if each["apiVersion"] != api_version)
        missing = {_question(each, api_version): each for each in others}
        missing = {question: each for question, each in missing.items() if question not in self._kept}
        if missing:
            raise self._needed(list(missing.items())[:BATCH_OBJECTS], api_version)

    def _needed(self, asked: list[tuple[str, JSON]], api_version: str) -> CallNeeded:
        sent = [obj for _, obj in asked]
        uid = str(uuid.UUID(bytes=hashlib.sha256(asked[0][0].encode()).digest()[:16], version=4))
        review_version = group_version(list_at(self._webhook, "conversionReviewVersions"))
        request = {"uid": uid, "desiredAPIVersion": api_version, "objects": sent}
        review = {"kind": KIND, "apiVersion": review_version, "request": request}
        body = write_json(review).encode("utf-8", "surrogatepass")

        def keep(outcome: Outcome) -> None:
            answers = read_answer(outcome, review_version, sent, api_version)
            self._kept.update(zip((question for question, _ in asked), answers, strict=True))
            while len(self._kept) > KEPT_OBJECTS:
                self._kept.popitem(last=False)

        return CallNeeded(new_call(map_at(self._webhook, "clientConfig"), uid, body, TIMEOUT_SECONDS), keep)


def _question(obj: JSON, api_version: str) -> str:
    """Return what tells a conversion from every other."""
    metadata = obj["metadata"]
    told = {name: metadata.get(name) for name in METADATA_FIELDS}
    # A name that the server generates is another one each time that a request is handled.
    told["name"] = metadata.get("generateName") or metadata.get("name")
    told["namespace"] = metadata.get("namespace")
    text = json.dumps([api_version, {**obj, "metadata": told}], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

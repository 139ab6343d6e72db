"""From stored objects to the bytes of an answer, in the form that the client accepts. Pure.

Follows apiserver ``pkg/endpoints/handlers/response.go``: Table, PartialObjectMetadata, or the object as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from kubeapi.faults import Faults, Subject
from kubeapi.meta import JSON, key_of
from kubeapi.scheme import Resource
from kubeapiserver.errors import BadInput
from kubeapiserver.messages import Request, Response
from kubeapiserver.requests.negotiation import Form
from kubeapiserver.responses.chunks import Chunk
from kubeapiserver.responses.statuses import encode_line
from kubeapiserver.tables import Printer, printer_for

Included = Literal["Metadata", "Object", "None"]
"""What a Table's rows carry beside their cells."""

_META_GROUP = "meta.k8s.io"


def read_included(request: Request) -> Included:
    """Return what the request wants in a Table's rows."""
    match request.get("includeObject") or "Metadata":
        case "Metadata" | "Object" | "None" as included:
            return included
        case other:
            raise BadInput(f'unrecognized includeObject value: "{other}"')


def partial(obj: JSON, version: str) -> JSON:
    """Return an object's metadata as an object of its own."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"{_META_GROUP}/{version}",
        "metadata": obj["metadata"],
    }


class Renderer:
    """Makes answers; ages in Tables are counted to ``clock``, in seconds since the epoch."""

    def __init__(self, clock: Callable[[], float], faults: Faults) -> None:
        self._clock = clock
        self._faults = faults

    def now(self) -> float:
        """Return the time that Tables are of."""
        return self._clock()

    def response(
        self, resource: Resource, obj: JSON, form: Form, included: Included = "Metadata", code: int = 200
    ) -> Response:
        """Return the answer that is one object."""
        return Response(code, encode_line(self.document(resource, obj, form, included)))

    def document(self, resource: Resource, obj: JSON, form: Form, included: Included) -> JSON:
        """Return one object in a form."""
        if form.shape == "Partial":
            return partial(obj, form.version)
        if form.shape == "Table":
            return self.table(resource, [obj], form, included, obj["metadata"].get("resourceVersion", ""))
        return obj

    def list_response(
        self, resource: Resource, objects: Sequence[JSON], form: Form, included: Included, chunk: Chunk
    ) -> Response:
        """Return the answer that is a list, or a chunk of one."""
        metadata = chunk.metadata()
        if form.shape == "Table":
            table = self.table(resource, objects, form, included, "")
            return Response(200, encode_line({**table, "metadata": metadata}))
        if form.shape == "Partial":
            kind, api_version = "PartialObjectMetadataList", f"{_META_GROUP}/{form.version}"
            items = [partial(each, form.version) for each in objects]
        else:
            kind, api_version = f"{resource.kind}List", resource.api_version
            items = [_item(each) for each in objects]
        return Response(
            200, encode_line({"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": items})
        )

    def table(
        self,
        resource: Resource,
        objects: Sequence[JSON],
        form: Form,
        included: Included,
        version: str,
        *,
        has_columns: bool = True,
    ) -> JSON:
        """Return a Table; of the Tables of one watch only the first has its columns defined."""
        printer, now = printer_for(resource), self._clock()
        document: JSON = {
            "kind": "Table",
            "apiVersion": f"{_META_GROUP}/{form.version}",
            "metadata": {"resourceVersion": version},
            "columnDefinitions": [each.definition() for each in printer.columns] if has_columns else None,
            "rows": [],
        }
        rows = document["rows"]
        for obj in objects:
            row = self._row(resource, printer, obj, now)
            if included != "None":
                row["object"] = obj if included == "Object" else partial(obj, form.version)
            rows.append(row)
        return document

    def _row(self, resource: Resource, printer: Printer, obj: JSON, now: float) -> JSON:
        """Return the cells of an object; one that cannot be printed has its name, and is told of."""
        try:
            conditions = printer.conditions(obj)
            cells = printer.cells(obj, now)
        except Exception as fault:
            self._faults.note("kube-apiserver (table)", Subject(resource, key_of(obj)), fault)
            return {"cells": [obj["metadata"]["name"], *["<unknown>"] * (len(printer.columns) - 1)]}
        self._faults.forget("kube-apiserver (table)", Subject(resource, key_of(obj)))
        return {"cells": cells, "conditions": conditions} if conditions else {"cells": cells}


def _item(obj: JSON) -> JSON:
    """Return an object as lists have it: the list says the kind once."""
    return {field: value for field, value in obj.items() if field not in ("kind", "apiVersion")}

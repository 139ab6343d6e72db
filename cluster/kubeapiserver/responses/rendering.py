"""Answers made of stored objects, in the form that the client accepts. Pure.

Follows apiserver ``pkg/endpoints/handlers/response.go``: Table, PartialObjectMetadata, or the object as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kubeapi.customresources.conversion.versions import as_comparable, as_seen, require_seen
from kubeapi.customresources.resource import CustomResource
from kubeapi.failures import Failures, Subject
from kubeapi.meta import JSON, key_of
from kubeapi.scheme import Resource
from kubeapiserver.messages import Response
from kubeapiserver.requests.resource import View
from kubeapiserver.responses.chunks import Chunk
from kubeapiserver.responses.itemtexts import ItemTexts
from kubeapiserver.responses.statuses import encode, encode_line
from kubeapiserver.tables import table_for
from kubeapiserver.tables.columns import Row, Table

_META_GROUP = "meta.k8s.io"


def partial(obj: JSON, version: str) -> JSON:
    """Return an object's metadata as a PartialObjectMetadata."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"{_META_GROUP}/{version}",
        "metadata": obj["metadata"],
    }


class Renderer:
    """Renders objects. ``clock`` (seconds since the epoch) is for the ages in Tables."""

    def __init__(self, clock: Callable[[], float], failures: Failures) -> None:
        self._clock = clock
        self._failures = failures
        self._items = ItemTexts()

    def now(self) -> float:
        """Return the time of which Tables tell."""
        return self._clock()

    def response(self, view: View, obj: JSON, code: int = 200) -> Response:
        """Return an answer that is one object."""
        return Response(code, encode_line(self.document(view, obj)))

    def document(self, view: View, obj: JSON) -> JSON:
        """Return one object in a form."""
        if view.form.shape == "Partial":
            return partial(as_comparable(view.resource, obj), view.form.version)
        if view.form.shape == "Table":
            return self.table(view, [obj], obj["metadata"].get("resourceVersion", ""))
        return as_seen(view.resource, obj)

    def list_response(self, view: View, objects: Sequence[JSON], chunk: Chunk) -> Response:
        """Return an answer that is a list, or a chunk of one."""
        resource, form = view.resource, view.form
        metadata = chunk.metadata()
        if form.shape == "Table":
            return Response(200, encode_line({**self.table(view, objects, ""), "metadata": metadata}))
        if form.shape == "Object" and not isinstance(resource, CustomResource):
            return self._list_of_texts(resource, objects, metadata)
        if form.shape == "Partial":
            kind, api_version = "PartialObjectMetadataList", f"{_META_GROUP}/{form.version}"
            items = [partial(as_comparable(resource, each), form.version) for each in objects]
        else:
            kind, api_version = _list_kind(resource), resource.api_version
            metadata = {"continue": "", **metadata}
            items = [as_seen(resource, each) for each in objects]
        document = {"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": items}
        return Response(200, encode_line(document))

    def _list_of_texts(self, resource: Resource, objects: Sequence[JSON], metadata: JSON) -> Response:
        head = encode({"kind": _list_kind(resource), "apiVersion": resource.api_version, "metadata": metadata})
        items = [*map(self._items.text, objects)] or [b""]
        # Joined at once, as copying megabytes again costs more than finding the items.
        items[0] = b'%b,"items":[%b' % (head[:-1], items[0])
        items[-1] += b"]}\n"
        return Response(200, b",".join(items))

    def table(self, view: View, objects: Sequence[JSON], version: str, *, has_columns: bool = True) -> JSON:
        """Return a Table; in a watch only the first Table defines its columns."""
        require_seen(view.resource, objects)
        shown = table_for(view.resource)
        return {
            "kind": "Table",
            "apiVersion": f"{_META_GROUP}/{view.form.version}",
            "metadata": {"resourceVersion": version},
            "columnDefinitions": [each.definition() for each in shown.columns] if has_columns else None,
            "rows": self._rows(view, shown, objects),
        }

    def _rows(self, view: View, table: Table[Row], objects: Sequence[JSON]) -> list[JSON]:
        now, rows = self._clock(), []
        for obj in objects:
            row = self._row(table, obj, now)
            if view.included != "None":
                is_whole = view.included == "Object"
                row["object"] = as_seen(view.resource, obj) if is_whole else partial(obj, view.form.version)
            rows.append(row)
        return rows

    def _row(self, table: Table[Row], obj: JSON, now: float) -> JSON:
        """Return the row of an object; a failure of the table is recorded, and the row has only the name."""
        subject = Subject(table.resource, key_of(obj))
        try:
            row = table.row(as_seen(table.resource, obj), now)
        except Exception as failure:
            self._failures.note("kube-apiserver (table)", subject, failure)
            return {"cells": [obj["metadata"]["name"], *["<unknown>"] * (len(table.columns) - 1)]}
        self._failures.forget("kube-apiserver (table)", subject)
        return row


def _list_kind(resource: Resource) -> str:
    if isinstance(resource, CustomResource):
        return str(resource.definition.names["listKind"])
    return f"{resource.kind}List"

"""From the values of the input to its Documents: which are objects, which one is the cluster's configuration.

Decides what is only warned of (a kind that kubesvc does not emulate) and what is a fault, for every document at once.
Which fields an object may have is decided by kubeapi (``strict``); its faults get their positions here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kubeapi.customresources.decoding import decode_object
from kubeapi.customresources.resource import CustomResource
from kubeapi.extensions.apis import ExtensionResource, extension_resource
from kubeapi.kinds import RESOURCES, resource_for
from kubeapi.kinds.horizontalpodautoscaler.versionone import from_v1
from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import HORIZONTALPODAUTOSCALERS_V1, Resource
from kubeapi.serialization.hints import hint_for
from kubeapi.similar import did_you_mean
from kubeapi.status import FieldError
from kubeapi.validation.faults import forbidden, invalid, required, unsupported
from kubemanifest.documents import (
    CONFIGURATION_API_VERSION,
    CONFIGURATION_GROUP,
    CONFIGURATION_KIND,
    RESOURCE_OF,
    Document,
    Loaded,
    api_services_in,
    customs_in,
    position_of,
)
from kubemanifest.faults import Fault, as_written
from kubemanifest.reading import Tree

_UNMARSHAL = re.compile(r"cannot unmarshal (\w+).* of type (\S+)$")

_GROUPS = frozenset(each.api_version for each in RESOURCES)


def read_documents(trees: Sequence[tuple[str, Tree]], faults: list[Fault], warnings: list[Fault]) -> Loaded:
    """Return the objects of the trees, each with the name of its file; ``faults`` and ``warnings`` are those so far."""
    documents: list[Document] = []
    configurations: list[Document] = []
    of_fields: list[Fault] = []
    unpacked = [each for source, tree in trees for each in _unpack(source, tree, faults)]
    objects = [each.obj for each in unpacked]
    others = _OtherKinds(customs_in(objects), api_services_in(objects))
    for each in unpacked:
        found = _classify(each, others, faults, warnings)
        if isinstance(found, Resource):
            documents.append(_decoded(_in_namespace(each, found), found, of_fields))
        elif found is not None:
            configurations.append(each)
    is_partial = bool(faults)
    faults += [*of_fields, *_duplicates(documents)]
    for second in configurations[1:]:
        first = configurations[0]
        error = forbidden(
            "kind", f"there is a {CONFIGURATION_KIND} already, at {first.source}:{first.place.position.line}"
        )
        faults.append(second.fault(error, "remove one of them"))
    own = configurations[0] if configurations else None
    return Loaded(tuple(documents), own, tuple(sorted(faults)), tuple(sorted(warnings)), is_partial)


def _unpack(source: str, tree: Tree, faults: list[Fault]) -> Iterator[Document]:
    """Yield the document, or the items if it is a List."""
    value, spot = tree
    if not isinstance(value, dict):
        message = "a manifest must be a mapping with apiVersion, kind and metadata"
        faults.append(Fault.at(source, spot.place.position, "", message))
        return
    kind = value.get("kind")
    items = value.get("items")
    if not (
        isinstance(kind, str)
        and kind.endswith("List")
        and ("items" in value or kind[:-4] in RESOURCE_OF or kind == "List")
    ):
        yield Document(value, source, spot)
        return
    if not isinstance(items, list):
        error = required("items") if items is None else invalid("items", as_written(items), "must be a list")
        faults.append(Document(value, source, spot).fault(error))
        return
    for index, item in enumerate(items):
        if isinstance(item, dict) and kind != "List":
            # The items of a typed list may leave out what follows from its kind.
            item = {"apiVersion": value.get("apiVersion"), "kind": kind[:-4]} | item
        yield from _unpack(source, Tree(item, spot.item(index)), faults)


class _OtherKinds(NamedTuple):
    """What the input has of other kinds than those that are built in."""

    customs: Mapping[tuple[str, str], CustomResource]
    api_services: Sequence[JSON]

    def find(self, api_version: str, kind: str) -> Resource | None:
        """Return the resource of a kind, None for an unknown one."""
        return self.customs.get((api_version, kind)) or extension_resource(api_version, kind, self.api_services)


def _classify(
    document: Document, others: _OtherKinds, faults: list[Fault], warnings: list[Fault]
) -> Resource | str | None:
    """Return the resource, CONFIGURATION_KIND for a configuration, None if it is unknown or has a fault."""
    api_version, kind = document.obj.get("apiVersion"), document.obj.get("kind")
    errors = [*_text_faults(document.obj, "apiVersion"), *_text_faults(document.obj, "kind")]
    if errors or not isinstance(api_version, str) or not isinstance(kind, str):
        faults += [document.fault(error) for error in errors]
        return None
    if api_version.partition("/")[0] == CONFIGURATION_GROUP:
        return _classify_configuration(document, api_version, kind, faults)
    built_in = resource_for(api_version, kind)  # perhaps a version in which no object is stored
    is_known = built_in in RESOURCES or built_in == HORIZONTALPODAUTOSCALERS_V1
    resource = built_in if is_known else others.find(api_version, kind)
    if resource is None:
        return _classify_unknown(document, api_version, kind, faults, warnings)
    errors = _metadata_faults(document.obj, resource)
    faults += [document.fault(error) for error in errors]
    return None if errors else resource


def _classify_configuration(document: Document, api_version: str, kind: str, faults: list[Fault]) -> str | None:
    if kind != CONFIGURATION_KIND:
        error = unsupported("kind", as_written(kind), [CONFIGURATION_KIND])
    elif api_version != CONFIGURATION_API_VERSION:
        error = unsupported("apiVersion", as_written(api_version), [CONFIGURATION_API_VERSION])
    else:
        return CONFIGURATION_KIND
    faults.append(document.fault(error, f"write apiVersion: {CONFIGURATION_API_VERSION}, kind: {CONFIGURATION_KIND}"))
    return None


def _classify_unknown(
    document: Document, api_version: str, kind: str, faults: list[Fault], warnings: list[Fault]
) -> Resource | None:
    """Tell a kind that kubesvc does not emulate (a warning) from one that is misspelt or misplaced (a fault)."""
    if (known := RESOURCE_OF.get(kind)) is not None:
        error = unsupported("apiVersion", as_written(api_version), [known.api_version])
        faults.append(document.fault(error, f"{kind} is in {known.api_version}"))
    elif api_version in _GROUPS and (question := did_you_mean(kind, RESOURCE_OF, cutoff=0.8)):
        error = FieldError(
            "FieldValueNotSupported", "kind", f'Unsupported value: "{kind}": no such kind in {api_version}'
        )
        faults.append(document.fault(error, question))
    else:
        metadata = document.obj.get("metadata")
        name = metadata.get("name", "without a name") if isinstance(metadata, dict) else "without a name"
        message = f"{api_version} {kind} {name} is left out: kubesvc does not emulate this kind"
        is_custom = "." in api_version.partition("/")[0]
        hint = (
            "it needs its CustomResourceDefinition or APIService in the input; kubectl takes it without"
            if is_custom
            else ""
        )
        warnings.append(Fault.at(document.source, document.place.position, "", message, hint))
    return None


def _text_faults(obj: JSON, field: str, path: str = "") -> list[FieldError]:
    value = obj.get(field)
    path = path or field
    if value is None or value == "":
        return [required(path)]
    return [] if isinstance(value, str) else [invalid(path, as_written(value), "must be text; quote it")]


def _metadata_faults(obj: JSON, resource: Resource) -> list[FieldError]:
    metadata = obj.get("metadata")
    if metadata is None:
        return [required("metadata.name")]
    if not isinstance(metadata, dict):
        return [invalid("metadata", as_written(metadata), "must be a mapping")]
    errors = _text_faults(metadata, "name", "metadata.name")
    if metadata.get("namespace"):
        errors += _text_faults(metadata, "namespace", "metadata.namespace")
        if not resource.namespaced:
            errors.append(forbidden("metadata.namespace", "not allowed on this type"))
    return errors


def _in_namespace(document: Document, resource: Resource) -> Document:
    """Return the document with ``default`` where it has to say a namespace and does not."""
    metadata = document.obj["metadata"]
    if metadata.get("namespace") or isinstance(resource, ExtensionResource):
        return document
    metadata = {key: value for key, value in metadata.items() if key != "namespace"}
    if resource.namespaced:
        metadata["namespace"] = "default"
    return document._replace(obj={**document.obj, "metadata": metadata})


def _decoded(document: Document, resource: Resource, faults: list[Fault]) -> Document:
    """Return the document with only what its schema knows; the rest becomes faults."""
    if isinstance(resource, ExtensionResource):
        return document._replace(custom=resource)
    custom = resource if isinstance(resource, CustomResource) else None
    decoded = decode_object(resource, document.obj)
    for error in decoded.unknown:
        name = hint_for(resource, error) if custom is None else ""
        faults.append(document.fault(error, f'did you mean "{name}"?' if name else ""))
    faults += [document.fault(error, _hint_for_type(error.message)) for error in decoded.mistyped]
    wrong = (*decoded.unknown, *decoded.mistyped)
    faulty = frozenset(error.field for error in wrong)
    obj = _from_old_version(decoded.object) if resource == HORIZONTALPODAUTOSCALERS_V1 else decoded.object
    return Document(obj, document.source, document.spot, faulty, custom)


def _from_old_version(autoscaler: JSON) -> JSON:
    """Return an autoscaler of autoscaling/v1 in the version in which it is stored."""
    return {name: value for name, value in from_v1(autoscaler).items() if name != "status"}


def _hint_for_type(message: str) -> str:
    """Return a hint for an error of type from Go's decoder, "" if its text is plain enough."""
    found = _UNMARSHAL.search(message)
    if found is None:
        return ""
    given, wanted = found.groups()
    if wanted.startswith("int"):
        return "write a number, without quotes" if given == "string" else "write a whole number"
    if wanted == "string" and given in ("number", "bool"):
        return "quote it" + (": unquoted yes, no, on, off, y and n are booleans, too" if given == "bool" else "")
    if wanted == "bool":
        return "write true or false, without quotes"
    return 'begin each item with "- "' if given == "object" and wanted.startswith("[") else ""


def _duplicates(documents: Sequence[Document]) -> Iterator[Fault]:
    first: dict[tuple[str, ObjectKey], Document] = {}
    for document in documents:
        before = first.setdefault((document.obj["kind"], document.key), document)
        if before is not document:
            line, column = position_of(before, "metadata.name")
            message = f'Duplicate value: "{document.name}"'
            is_at = f"{document.obj['kind']} {document.key} is already at {before.source}:{line}:{column}"
            field = "metadata.name"
            yield Fault.at(
                document.source, position_of(document, field), field, message, f"{is_at}; remove or rename one"
            )

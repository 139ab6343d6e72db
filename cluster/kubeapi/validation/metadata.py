"""What ObjectMeta and selectors must be, for every kind (apimachinery ``api/validation``, ``meta/v1/validation``)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.meta import JSON
from kubeapi.objects.weight import WEIGHT_ANNOTATION, weight_fault
from kubeapi.scheme import Resource
from kubeapi.validation.faults import (
    Faults,
    GoText,
    each_invalid,
    forbidden,
    invalid,
    not_negative,
    required,
    struct_text,
    too_long,
)
from kubeapi.validation.names import dns1123_label, label_value, qualified_name

ANNOTATIONS_LIMIT = 256 * 1024
"""Bytes that all annotations of an object may have together (TotalAnnotationSizeLimitB)."""

STANDARD_FINALIZERS = frozenset(("kubernetes", "orphan", "foregroundDeletion"))
_SELECTOR_OPERATORS = frozenset(("In", "NotIn", "Exists", "DoesNotExist"))


def validate_metadata(kind: Kind, obj: JSON) -> Faults:
    """Yield the faults of an object's metadata, by the rules of its kind."""
    resource, name_faults, metadata = kind.resource, kind.validate_name, obj["metadata"]
    if metadata.get("generateName"):
        yield from each_invalid(
            "metadata.generateName", metadata["generateName"], name_faults(masked(metadata["generateName"]))
        )
    if not metadata.get("name"):
        yield required("metadata.name", "name or generateName is required")
    else:
        yield from each_invalid("metadata.name", metadata["name"], name_faults(metadata["name"]))
    yield from _validate_namespace(resource, metadata.get("namespace", ""))
    yield from not_negative("metadata.generation", metadata.get("generation"))
    yield from validate_labels(metadata.get("labels", {}), "metadata.labels")
    yield from validate_annotations(metadata.get("annotations", {}), "metadata.annotations")
    yield from _validate_owners(metadata.get("ownerReferences", ()))
    for index, finalizer in enumerate(metadata.get("finalizers", ())):
        if kind.requires_known_finalizers:
            yield from validate_finalizer(finalizer, "metadata.finalizers", f"metadata.finalizers[{index}]")
        else:
            yield from each_invalid("metadata.finalizers", finalizer, qualified_name(finalizer))


def validate_finalizer(finalizer: str, path: str, own_path: str) -> Faults:
    """Yield the faults of a finalizer in the list at ``path``; ``own_path`` is where a missing domain is reported."""
    yield from each_invalid(path, finalizer, qualified_name(finalizer))
    if "/" not in finalizer and finalizer not in STANDARD_FINALIZERS:
        yield invalid(own_path, finalizer, "name is neither a standard finalizer name nor is it fully qualified")


def masked(prefix: str) -> str:
    """Return a generateName to be validated as a name: letters follow its trailing dash, so that it may stand."""
    return f"{prefix[:-1]}a" if len(prefix) > 1 and prefix.endswith("-") else prefix


def _validate_namespace(resource: Resource, namespace: str) -> Faults:
    if not resource.namespaced:
        if namespace:
            yield forbidden("metadata.namespace", "not allowed on this type")
    elif not namespace:
        yield required("metadata.namespace")
    else:
        yield from each_invalid("metadata.namespace", namespace, dns1123_label(namespace))


def _validate_owners(references: list[JSON] | tuple[()]) -> Faults:
    controller = ""
    for index, reference in enumerate(references):
        path = f"metadata.ownerReferences[{index}]"
        for field in ("apiVersion", "kind", "name", "uid"):
            if not reference.get(field):
                yield invalid(
                    f"{path}.{field}", "", f"{'version' if field == 'apiVersion' else field} must not be empty"
                )
        if not reference.get("controller"):
            continue
        name = f"{reference.get('kind', '')}/{reference.get('name', '')}"
        if controller:
            found = f'Found "true" in references for {controller} and {name}'
            detail = f"Only one reference can have Controller set to true. {found}"
            yield invalid("metadata.ownerReferences", [_owner_fields(each) for each in references], detail)
        controller = controller or name


def _owner_fields(reference: JSON) -> JSON:
    """Return the fields of a reference in the order in which errors show them."""
    fields = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")
    return {field: reference.get(field, "") for field in fields if field in (*fields[:4], *reference)}


def validate_labels(labels: dict[str, str], path: str) -> Faults:
    """Yield the faults of a label map, a Service's selector included."""
    for name, value in labels.items():
        yield from each_invalid(path, name, qualified_name(name))
        yield from each_invalid(path, value, label_value(value))


def validate_annotations(annotations: dict[str, str], path: str) -> Faults:
    """Yield the faults of annotations: keys are qualified names in any case, and the total size is limited."""
    for name in annotations:
        yield from each_invalid(path, name, qualified_name(name.lower()))
    if fault := weight_fault(annotations.get(WEIGHT_ANNOTATION, "1")):
        yield invalid(f"{path}[{WEIGHT_ANNOTATION}]", annotations[WEIGHT_ANNOTATION], fault)
    if sum(len(name) + len(value.encode(errors="replace")) for name, value in annotations.items()) > ANNOTATIONS_LIMIT:
        yield too_long(path, ANNOTATIONS_LIMIT)


def validate_selector(selector: JSON, path: str) -> Faults:
    """Yield the faults of a LabelSelector."""
    yield from validate_labels(selector.get("matchLabels", {}), f"{path}.matchLabels")
    for index, requirement in enumerate(selector.get("matchExpressions", ())):
        where = f"{path}.matchExpressions[{index}]"
        operator, values = requirement.get("operator", ""), requirement.get("values", [])
        if operator not in _SELECTOR_OPERATORS:
            yield invalid(f"{where}.operator", operator, "not a valid selector operator")
        elif operator in ("In", "NotIn") and not values:
            yield required(f"{where}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        elif operator in ("Exists", "DoesNotExist") and values:
            yield forbidden(f"{where}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
        yield from each_invalid(f"{where}.key", requirement.get("key", ""), qualified_name(requirement.get("key", "")))
        for number, value in enumerate(values):
            yield from each_invalid(f"{where}.values[{number}]", value, label_value(value))


def go_selector(selector: JSON) -> GoText:
    """Return a LabelSelector as errors show it."""
    labels, expressions = selector.get("matchLabels"), selector.get("matchExpressions")
    fields: JSON = {"matchLabels": dict(sorted(labels.items()))} if labels else {}
    if expressions:
        fields["matchExpressions"] = [
            {name: each.get(name, "") for name in ("key", "operator")}
            | ({"values": each["values"]} if each.get("values") else {})
            for each in expressions
        ]
    return struct_text(fields)

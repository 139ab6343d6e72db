"""Event (pkg/apis/core/validation/events.go, pkg/registry/core/event/strategy.go)."""

from __future__ import annotations

from typing import Any

from kubeapi.kind import Kind
from kubeapi.meta import JSON, parse_time
from kubeapi.scheme import EVENTS, EVENTS_V1
from kubeapi.validation.faults import Faults, invalid, required
from kubeapi.validation.names import qualified_name

_LIMITS = {"reportingInstance": 128, "action": 128, "reason": 128}
_MESSAGE_LIMIT = 1024
_DEPRECATED: dict[str, Any] = {"firstTimestamp": None, "lastTimestamp": None, "count": 0, "source": {}}
"""Fields that a new Event of events.k8s.io must leave empty: its series replaces them."""

_FIXED = (
    "involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "type", "eventTime",
    "action", "related", "reportingComponent", "reportingInstance",
)  # fmt: skip
"""Fields that are immutable in events.k8s.io."""

_PRINTED = {"reportingComponent": "reportingController"}


def _validate(obj: JSON) -> Faults:
    """Yield the faults of any Event; one with an eventTime is a new one, which has more required fields."""
    involved, namespace = obj.get("involvedObject", {}).get("namespace", ""), obj["metadata"].get("namespace")
    has_time = bool(obj.get("eventTime"))
    allowed = ("default", "kube-system") if has_time else ("default",)
    if namespace not in allowed if not involved else not has_time and namespace != involved:
        yield invalid("involvedObject.namespace", involved, "does not match event.namespace")
    if has_time:
        yield from _validate_reporter(obj)
        if len(obj.get("message") or "") > _MESSAGE_LIMIT:
            yield invalid("message", "", f"can have at most {_MESSAGE_LIMIT} characters")


def _validate_reporter(obj: JSON) -> Faults:
    controller = obj.get("reportingComponent") or ""
    if not controller:
        yield required("reportingComponent")
    for fault in qualified_name(controller):
        yield invalid("reportingComponent", controller, fault)
    for field, limit in _LIMITS.items():
        text = obj.get(field) or ""
        if not text:
            yield required(field)
        if len(text) > limit:
            yield invalid(field, "", f"can have at most {limit} characters")


def validate_new_event(obj: JSON) -> Faults:
    """Yield the faults of a new Event that only events.k8s.io/v1 has a rule for."""
    yield from _validate_series(obj)
    if not obj.get("eventTime"):
        yield required("eventTime")
    if obj.get("type") not in ("Normal", "Warning"):
        yield invalid("type", "", f"has invalid value: {obj.get('type', '')}")
    for field, empty in _DEPRECATED.items():
        if (obj.get(field) or empty) != empty:
            yield invalid(field, "", "needs to be unset")


def validate_new_event_update(new: JSON, old: JSON) -> Faults:
    """Yield the faults of a change that only events.k8s.io/v1 has a rule for."""
    if new.get("series") != old.get("series"):
        yield from _validate_series(new)
    for field in _FIXED:
        before, after = (_comparable(field, each.get(field)) for each in (old, new))
        if before != after:
            yield invalid(_PRINTED.get(field, field), new.get(field), "field is immutable")


def _comparable(field: str, value: Any) -> Any:
    """Return a value in a form to compare: None if it is empty, times as seconds."""
    return parse_time(value) if value and field == "eventTime" else value or None


def _validate_series(obj: JSON) -> Faults:
    series = obj.get("series")
    if series is None:
        return
    if series.get("count", 0) < 2:
        yield invalid("series.count", "", "should be at least 2")
    if not series.get("lastObservedTime"):
        yield required("series.lastObservedTime")


_INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")

KIND = Kind(
    resource=EVENTS,
    field_labels=(
        *(f"involvedObject.{each}" for each in _INVOLVED),
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    other_versions=(EVENTS_V1,),
    allows_create_on_update=True,
    validate=_validate,
    is_authored=False,
    is_record=True,
)

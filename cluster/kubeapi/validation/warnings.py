"""Warnings about objects that are accepted. Each Kind has its own."""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.meta import JSON
from kubeapi.status import FieldError
from kubeapi.validation.names import dns1123_label

_VERBATIM = "Kubernetes"
"""Reason of a warning with a complete message; its field only says where it is."""


def verbatim(field: str, text: str) -> FieldError:
    """Return a warning with Kubernetes' own text, which does not begin with the field."""
    return FieldError(_VERBATIM, field, text)


def warning(field: str, text: str) -> FieldError:
    """Return a warning with Kubernetes' own text, which follows the field."""
    return FieldError("FieldValueInvalid", field, text)


def warning_text(warning: FieldError) -> str:
    """Return a warning as the API's header has it."""
    return warning.message if warning.reason == _VERBATIM else str(warning)


def host_name_warnings(before: JSON | None, after: JSON, use: str = "Pod names and hostnames") -> Iterator[FieldError]:
    """Yield the warning about a new object whose name is no DNS label, and so none of a host; ``use`` of it."""
    faults = dns1123_label(after["metadata"]["name"])
    if before is None and faults:
        text = (
            f"this is used in {use}, which can result in surprising behavior; "
            f"a DNS label is recommended: [{' '.join(faults)}]"
        )
        yield FieldError("FieldValueInvalid", "metadata.name", text)

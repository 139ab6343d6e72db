"""Warnings about objects that are accepted. Each Kind has its own."""

from __future__ import annotations

from kubeapi.status import FieldError

_VERBATIM = "Kubernetes"
"""Reason of a warning with a complete message; its field only says where it is."""


def verbatim(field: str, text: str) -> FieldError:
    """Return a warning with Kubernetes' own text, which does not begin with the field."""
    return FieldError(_VERBATIM, field, text)


def warning_text(warning: FieldError) -> str:
    """Return a warning as the API's header has it."""
    return warning.message if warning.reason == _VERBATIM else str(warning)

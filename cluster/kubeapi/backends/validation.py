"""Whether a pod, or a template of pods, may have its behaviour."""

from __future__ import annotations

from collections.abc import Mapping

from kubeapi.backends import BACKEND_ANNOTATION
from kubeapi.validation.faults import Faults, invalid


def validate_backend(annotations: Mapping[str, str], path: str) -> Faults:
    """Yield the fault of the annotation that says how a pod of image kubesvc/backend answers."""
    text = annotations.get(BACKEND_ANNOTATION)
    if text is None:
        return
    # Imported here alone: few pods have it.
    from kubeapi.backends.reading import ModelError, read_backend

    try:
        read_backend(text)
    except ModelError as error:
        yield invalid(f"{path}[{BACKEND_ANNOTATION}]", text, str(error))

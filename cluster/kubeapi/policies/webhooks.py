"""The faults of configurations of admission webhooks, match conditions included. Pure."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at
from kubeapi.validation.faults import Faults
from kubeapi.validation.webhooks import validate_webhooks


def validate_configuration(obj: JSON) -> Faults:
    """Yield the faults of a configuration."""
    yield from validate_webhooks(obj)
    for index, webhook in enumerate(list_at(obj, "webhooks")):
        if conditions := list_at(webhook, "matchConditions"):
            from kubeapi.policies.validation import condition_faults  # no other webhook needs CEL

            yield from condition_faults(conditions, f"webhooks[{index}].matchConditions")

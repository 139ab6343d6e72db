"""What an Event must be (pkg/apis/core/validation legacyValidateEvent)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.validation.faults import Faults, invalid


def validate_event(obj: JSON) -> Faults:
    """Yield a fault if an Event lies in another namespace than the object that it is about."""
    involved, namespace = obj.get("involvedObject", {}).get("namespace", ""), obj["metadata"].get("namespace")
    allowed = (involved,) if involved else ("default", "kube-system")
    if namespace not in allowed:
        yield invalid("involvedObject.namespace", involved, "does not match event.namespace")

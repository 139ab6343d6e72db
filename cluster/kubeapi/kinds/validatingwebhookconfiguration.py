"""ValidatingWebhookConfiguration (k8s.io/api admissionregistration/v1)."""

from __future__ import annotations

from kubeapi.kind import Kind, content_of
from kubeapi.policies.webhooks import validate_configuration
from kubeapi.scheme import VALIDATINGWEBHOOKCONFIGURATIONS
from kubeapi.validation.admission import set_webhook_defaults

KIND = Kind(
    resource=VALIDATINGWEBHOOKCONFIGURATIONS,
    categories=("api-extensions",),
    reviews_writes=True,
    set_defaults=set_webhook_defaults,
    desired_state=content_of,
    validate=validate_configuration,
)

"""ServiceAccount (pkg/registry/core/serviceaccount/strategy.go)."""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.kind import Kind, Subresource
from kubeapi.meta import JSON, annotations_of
from kubeapi.objects.serviceaccount import ENFORCE_SECRETS
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import SERVICEACCOUNTS
from kubeapi.status import FieldError


def _keep_names(obj: JSON) -> None:
    """Leave nothing of the references to Secrets but their names."""
    if obj.get("secrets"):
        obj["secrets"] = [{"name": each["name"]} if each.get("name") else {} for each in obj["secrets"]]


def _warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> Iterator[FieldError]:
    if ENFORCE_SECRETS in annotations_of(after) and (before is None or ENFORCE_SECRETS not in annotations_of(before)):
        text = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
        yield FieldError("Deprecated", f"metadata.annotations[{ENFORCE_SECRETS}]", text)


KIND = Kind(
    resource=SERVICEACCOUNTS,
    subresources=(Subresource("token", ("create",), "TokenRequest", "authentication.k8s.io", "v1"),),
    prepare_for_create=_keep_names,
    prepare_for_update=lambda new, old: _keep_names(new),
    warnings=_warnings,
    apply_rank=15,
)

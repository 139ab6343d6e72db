"""What every namespace has for its pods' identity, and the readings of a ServiceAccount."""

from __future__ import annotations

from typing import Any

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at

DEFAULT_ACCOUNT = "default"
"""The ServiceAccount of pods that name none; a controller makes it in every namespace."""

ROOT_CA = "kube-root-ca.crt"
"""The ConfigMap with the certificate of the API server's authority, in every namespace."""
ROOT_CA_KEY = "ca.crt"

TOKEN_SECRET = "kubernetes.io/service-account-token"  # noqa: S105 - the type of a Secret
ACCOUNT_NAME, ACCOUNT_UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"
"""The annotations of a token Secret."""

ENFORCE_SECRETS = "kubernetes.io/enforce-mountable-secrets"
"""The annotation of a ServiceAccount whose pods may have only the Secrets that it names."""

TOKEN_VOLUME = "kube-api-access-"  # noqa: S105 - the prefix of a name
"""How the names of the volumes begin that admission gives to pods."""

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a folder
"""Where in-cluster clients look for their token."""

TOKEN_SECONDS = 3607
"""How long a pod's token is good before the API would warn of it (WarnOnlyBoundTokenExpirationSeconds)."""

TOKEN_SOURCE: JSON = {
    "sources": [
        {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": ROOT_CA, "items": [{"key": ROOT_CA_KEY, "path": ROOT_CA_KEY}]}},
        {
            "downwardAPI": {
                "items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]
            }
        },
    ],
    "defaultMode": 0o644,
}
"""What the volumes have that admission gives to pods: one object for all, as stored objects never change."""


def mounts_token(account: JSON | None, spec: JSON) -> bool:
    """Tell whether a pod gets a token: the pod's wish counts first, then its ServiceAccount's (None: absent)."""
    for holder in (spec, account):
        wish: Any = holder.get("automountServiceAccountToken") if holder is not None else None
        if wish is not None:
            return bool(wish)
    return True


def is_token_volume(volume: JSON) -> bool:
    """Tell whether a pod's volume is the one that admission gives to pods."""
    return str(volume.get("name", "")).startswith(TOKEN_VOLUME)


def secret_names(account: JSON, field: str) -> list[str]:
    """Return the names in ``secrets`` or ``imagePullSecrets`` of a ServiceAccount."""
    return [each.get("name", "") for each in list_at(account, field)]

"""Under which names the controllers write. Pure.

Follows kube-controller-manager with ``--use-service-account-credentials``, which kubeadm sets: each controller has a
ServiceAccount in kube-system (the clients' names in ``cmd/kube-controller-manager/app``).
"""

from __future__ import annotations

from kubeapi.meta import ObjectKey
from kubeapi.users import API_SERVER, AUTHENTICATED, User, account_user

_ACCOUNTS = {
    "certificatesigningrequest-cleaner-controller": "certificate-controller",
    "controllermanager": "disruption-controller",
    "daemonset-controller": "daemon-set-controller",
    "endpoint-slice-controller": "endpointslice-controller",
    "endpoint-slice-mirroring-controller": "endpointslicemirroring-controller",
    "ephemeral_volume": "ephemeral-volume-controller",
    "garbage-collector-controller": "generic-garbage-collector",
    "job-orphan-controller": "job-controller",
    "persistentvolume-binder": "persistent-volume-binder",
    "persistentvolume-controller": "persistent-volume-binder",
    "pod-garbage-collector-controller": "pod-garbage-collector",
    "podcertificaterequest-cleaner-controller": "podcertificaterequestcleaner",
    "root-ca-certificate-publisher": "root-ca-cert-publisher",
    "service-cidr-controller": "service-cidrs-controller",
}
"""ServiceAccounts by the names of the controllers' events, where the two differ."""

_OTHERS = {
    "autoregister-controller": API_SERVER,
    "customresourcedefinition-controller": API_SERVER,
    "ipallocator-repair-controller": API_SERVER,
    "tokens-controller": User("system:kube-controller-manager", (AUTHENTICATED,)),
}
"""The controllers without a ServiceAccount: three are parts of the API server, one makes the accounts' tokens."""


def controller_user(name: str) -> User:
    """Return the user as which a controller writes."""
    return _OTHERS.get(name) or account_user(ObjectKey("kube-system", _ACCOUNTS.get(name, name)))

"""Users and groups as the API knows them (apiserver ``pkg/authentication/user``, ``serviceaccount/util.go``). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey

MASTERS, AUTHENTICATED, UNAUTHENTICATED = "system:masters", "system:authenticated", "system:unauthenticated"
ANONYMOUS = "system:anonymous"
_SERVICE_ACCOUNT, _SERVICE_ACCOUNTS = "system:serviceaccount:", "system:serviceaccounts"


class User(NamedTuple):
    """A user as authentication.k8s.io describes one."""

    name: str
    groups: tuple[str, ...]
    uid: str = ""
    extra: Mapping[str, Sequence[str]] = {}

    def document(self) -> JSON:
        """Return the user as authentication.k8s.io's UserInfo."""
        extra = {name: list(values) for name, values in self.extra.items()}
        info = {"username": self.name, "uid": self.uid, "groups": list(self.groups), "extra": extra}
        return {field: value for field, value in info.items() if value}


ADMINISTRATOR = User("kubernetes-admin", (MASTERS, AUTHENTICATED))
"""The user of every request with the cluster's own token that does not impersonate another."""

API_SERVER = User("system:apiserver", (MASTERS, AUTHENTICATED))
"""The user as which the API server writes objects of its own."""


def node_user(name: str) -> User:
    """Return the user as which the kubelet of a node writes."""
    return User(f"system:node:{name}", ("system:nodes", AUTHENTICATED))


def account_user(account: ObjectKey) -> User:
    """Return the user that a ServiceAccount is."""
    return User(account_user_name(account), (*account_groups(account.namespace), AUTHENTICATED))


def account_user_name(account: ObjectKey) -> str:
    """Return the user name of a ServiceAccount."""
    return f"{_SERVICE_ACCOUNT}{account.namespace}:{account.name}"


def account_groups(namespace: str) -> tuple[str, ...]:
    """Return the groups of all ServiceAccounts of a namespace, without ``system:authenticated``."""
    return (_SERVICE_ACCOUNTS, f"{_SERVICE_ACCOUNTS}:{namespace}")


def account_of(user_name: str) -> ObjectKey | None:
    """Return the ServiceAccount with this user name, None if it is another user's."""
    namespace, colon, name = user_name.removeprefix(_SERVICE_ACCOUNT).partition(":")
    is_account = user_name.startswith(_SERVICE_ACCOUNT) and colon and namespace and name and ":" not in name
    return ObjectKey(namespace, name) if is_account else None

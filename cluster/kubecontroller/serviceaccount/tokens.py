"""Secrets of the type kubernetes.io/service-account-token: filled in, and removed with their ServiceAccount.

Pure, but for the signature of a token. Follows k8s.io/kubernetes ``pkg/controller/serviceaccount``
(tokens_controller.go).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable

from kubeapi.meta import JSON, ObjectKey, annotations_of, key_of
from kubeapi.objects.serviceaccount import ACCOUNT_NAME, ACCOUNT_UID, ROOT_CA_KEY, TOKEN_SECRET, secret_names
from kubeapi.scheme import SECRETS, SERVICEACCOUNTS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Update, delete
from kubecontroller.listers import Listers

IssueToken = Callable[[JSON, JSON], str]
"""Returns the token of a ServiceAccount for a Secret."""


def reconcile(secret: JSON, account: JSON | None, authority: str, issue: IssueToken) -> list[Change]:
    """Return the change of a token Secret that lacks something, or its deletion if its ServiceAccount is gone."""
    uid = annotations_of(secret).get(ACCOUNT_UID)
    if account is None or (uid and uid != account["metadata"]["uid"]):
        return [delete(SECRETS, secret)]
    stored = secret.get("data", {})
    certificate = _encoded(authority)
    content = {**stored, ROOT_CA_KEY: certificate, "namespace": stored.get("namespace") or _encoded(_place(secret))}
    if not content.get("token"):
        content["token"] = _encoded(issue(account, secret))
    if content == stored:
        return []
    told = {ACCOUNT_NAME: account["metadata"]["name"], ACCOUNT_UID: account["metadata"]["uid"]}
    metadata = {**secret["metadata"], "annotations": {**annotations_of(secret), **told}}
    return [Update(SECRETS, {**secret, "metadata": metadata, "data": content})]


def forgotten(account: JSON, secret: str) -> list[Change]:
    """Return the change of a ServiceAccount that still names a Secret which is gone."""
    if secret not in secret_names(account, "secrets"):
        return []
    kept = [each for each in account["secrets"] if each.get("name") != secret]
    return [Update(SERVICEACCOUNTS, {**account, "secrets": kept})]


class TokensController:
    """Reconciles token Secrets. ``authority`` returns the certificate for clients, in PEM."""

    name = "tokens-controller"
    resource = SECRETS
    watches = (SECRETS, SERVICEACCOUNTS)

    def __init__(self, listers: Listers, authority: Callable[[], str], issue: IssueToken) -> None:
        self._store = listers.store
        self._authority = authority
        self._issue = issue
        self._accounts: dict[ObjectKey, ObjectKey] = {}

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the Secrets to look at after a change."""
        if resource is SERVICEACCOUNTS:
            is_change = delta.old is None or delta.new is None
            return [key for key, account in self._accounts.items() if account == delta.key] if is_change else []
        obj = delta.new if delta.new is not None else delta.old
        if obj is None or obj.get("type") != TOKEN_SECRET:
            return []
        self._accounts[delta.key] = _account_key(obj)
        return [delta.key]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that a Secret, or the ServiceAccount of one that is gone, needs."""
        secret = self._store.find(SECRETS, key)
        if secret is None:
            account_key = self._accounts.pop(key, None)
            account = self._store.find(SERVICEACCOUNTS, account_key) if account_key else None
            return forgotten(account, key.name) if account is not None else []
        if secret.get("type") != TOKEN_SECRET:
            return []
        account = self._store.find(SERVICEACCOUNTS, _account_key(secret))
        return reconcile(secret, account, self._authority(), self._issue)


def _account_key(secret: JSON) -> ObjectKey:
    return ObjectKey(key_of(secret).namespace, annotations_of(secret).get(ACCOUNT_NAME, ""))


def _place(secret: JSON) -> str:
    return key_of(secret).namespace


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()

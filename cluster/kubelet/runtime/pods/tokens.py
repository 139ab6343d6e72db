"""The tokens of one pod's ServiceAccount, for its projected volumes: each is made anew before it ends.

Follows k8s.io/kubernetes ``pkg/kubelet/token`` (token_manager.go) and ``pkg/volume/projected``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kubeapi.kind import Objects
from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import SERVICEACCOUNTS
from kubeapi.serviceaccounts.issuer import TokenIssuer
from kubelet.pod.files.volumes import VolumeError
from kubelet.runtime.pods.object import PodObject

LONGEST_SECONDS = 24 * 3600.0
"""A token is made anew after a day, however long it would hold (maxTTL)."""
_USED_PART = 0.8
"""How much of its time a token is used for (requiresRefresh)."""


class _Token(NamedTuple):
    text: str
    due: float
    """When it is to be made anew, in seconds since the epoch."""


class PodTokens:
    """``issuer`` makes the tokens of the pod's ServiceAccount, which ``objects`` have."""

    def __init__(self, pod: PodObject, objects: Objects, issuer: TokenIssuer, clock: Callable[[], float]) -> None:
        self._pod = pod
        self._objects = objects
        self._issuer = issuer
        self._clock = clock
        self._tokens: dict[tuple[str, int], _Token] = {}

    @property
    def wait(self) -> float | None:
        """Seconds until the next token is to be made anew; None if there is none."""
        due = min((each.due for each in self._tokens.values()), default=None)
        return None if due is None else max(due - self._clock(), 0.0)

    def token(self, source: JSON) -> str:
        """Return the token for a serviceAccountToken; VolumeError if there is no such ServiceAccount (any more)."""
        wanted = source.get("audience") or "", int(source.get("expirationSeconds") or 3600)
        known = self._tokens.get(wanted)
        if known is None or self._clock() >= known.due:
            known = self._tokens[wanted] = self._made(*wanted)
        return known.text

    def _made(self, audience: str, seconds: int) -> _Token:
        key = ObjectKey(self._pod.spec.key.namespace, self._pod.spec.service_account)
        account = self._objects.find(SERVICEACCOUNTS, key)
        if account is None:
            raise VolumeError(f'failed to fetch token: serviceaccounts "{key.name}" not found')
        audiences = (audience,) if audience else self._issuer.audiences
        text = self._issuer.issue(account, audiences, seconds, self._pod.obj)
        return _Token(text, self._clock() + min(_USED_PART * seconds, LONGEST_SECONDS))

"""The credentials of a pod: its tokens and its certificates, which are renewed in time."""

from __future__ import annotations

from typing import NamedTuple

from kubelet.runtime.pods.certificates import PodCertificates
from kubelet.runtime.pods.tokens import PodTokens


class PodCredentials(NamedTuple):
    """Those of one pod; they end with its volumes."""

    tokens: PodTokens
    certificates: PodCertificates

    @property
    def wait(self) -> float | None:
        """Seconds until the next one is to be made anew; None if there is none."""
        waits = [each for each in (self.tokens.wait, self.certificates.wait) if each is not None]
        return min(waits, default=None)

"""The keys of a cluster: the certificates of its API server, and the issuer of its ServiceAccounts' tokens.

They are made when they are first asked for, and kept in files, so that what has a copy of them stays good.
"""

from __future__ import annotations

import os
import time
from functools import cached_property
from typing import TYPE_CHECKING

from kubeaggregator.authentication import PROXY_NAME
from kubeapi.serviceaccounts.issuer import TokenIssuer
from kubeapiserver.wire.keys.signing import SigningKey
from kubehost.addresses import LOCALHOST

if TYPE_CHECKING:
    from kubeapi.registry import Registry
    from kubeapiserver.wire.keys.certificates import Certificate
    from kubesvc.config import ClusterConfiguration
    from kubesvc.state.directory import StateDirectory

_KEY_FILE = "sa.key"
"""In the state directory: the key that signs tokens."""
_PROXY_FILE = "front-proxy.pem"
"""There too: with what the API server comes to extension API servers."""
_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


class ClusterIdentity:
    """The names and keys of one cluster's API server."""

    def __init__(self, config: ClusterConfiguration, state: StateDirectory, registry: Registry) -> None:
        self._config = config
        self._state = state
        domain = config.networking.dns_domain
        self.issuer = TokenIssuer(
            registry, SigningKey(state.path / _KEY_FILE), time.time, f"https://kubernetes.default.svc.{domain}"
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The host names of the API server."""
        return (*_NAMES, f"kubernetes.default.svc.{self._config.networking.dns_domain}")

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of the API server."""
        api, plan = self._config.networking.api_address, self._config.plan
        # In the exact plan this machine has the cluster's address somewhere else.
        return tuple(dict.fromkeys((LOCALHOST, api, plan.stand_in(api), self.endpoint)))

    @property
    def endpoint(self) -> str:
        """The endpoint of default/kubernetes: in the exact plan the first node's address, as with kubeadm."""
        return self._config.nodes[0].address if self._config.plan.is_exact else LOCALHOST

    @property
    def has_certificate(self) -> bool:
        """Whether something is kept as the certificate, be it good or not."""
        return os.path.lexists(self._state.certificate)

    @cached_property
    def certificate(self) -> Certificate:
        """The certificate for these names and addresses; OSError."""
        from kubeapiserver.wire.keys.certificates import server_certificate

        return server_certificate(self._state.certificate, self.addresses, self.names, time.time())

    @cached_property
    def proxy_certificate(self) -> Certificate:
        """The certificate by which extension API servers know the API server; OSError."""
        from kubeapiserver.wire.keys.certificates import client_certificate

        return client_certificate(self._state.path / _PROXY_FILE, PROXY_NAME, time.time())

    def authority(self) -> str:
        """Return the certificate that clients need, in PEM; OSError."""
        return self.certificate.authority

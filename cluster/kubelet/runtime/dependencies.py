"""What the kubelet works with. As ``Dependencies`` in k8s.io/kubernetes ``pkg/kubelet``."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from kubeapi.io.client import Admissions
from kubeapi.registry import Registry
from kubeapi.serviceaccounts.issuer import TokenIssuer
from kubehost.network import Network
from kubelet.config import KubeletConfig
from kubelet.process.runner import ProcessRunner

COMPONENT = "kubelet"
"""The name under which the kubelet records events and faults."""


def _no_key(kind: str) -> tuple[bytes, bytes]:
    raise ValueError(f'no key of the type "{kind}" can be made here')


class Dependencies(NamedTuple):
    """Made by the owner of the kubelet, which also closes ``runner``.

    ``clock`` is in seconds since the epoch, ``monotonic`` in seconds of a clock that never goes back. ``tokens`` makes
    the tokens of pods, ``admissions`` reviews what is written about them. ``make_key`` makes a key of a ``keyType``
    (PEM) and a request with its proof (PKCS #10, DER).
    """

    config: KubeletConfig
    registry: Registry
    network: Network
    runner: ProcessRunner
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    rng: random.Random
    tokens: TokenIssuer | None = None
    admissions: Admissions | None = None
    make_key: Callable[[str], tuple[bytes, bytes]] = _no_key

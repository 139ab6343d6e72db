"""What the kubelet works with. As ``Dependencies`` in k8s.io/kubernetes ``pkg/kubelet``."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from kubeapi.io.client import Admissions
from kubeapi.registry import Registry
from kubeapi.serviceaccounts.issuer import TokenIssuer
from kubehost.network import Network
from kubelet.config import KubeletConfig
from kubelet.process.runner import ProcessRunner

COMPONENT = "kubelet"
"""The name under which the kubelet records events and faults."""


@dataclass(frozen=True)
class Dependencies:
    """Made by the owner of the kubelet, which also closes ``runner``.

    ``clock`` is in seconds since the epoch, ``monotonic`` in seconds of a clock that never goes back. ``tokens`` makes
    the tokens of pods, ``admissions`` reviews what is written about them.
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

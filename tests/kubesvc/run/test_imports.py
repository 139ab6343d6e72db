"""What few use costs nothing at the start of a cluster or of a pod: it is imported when it is wanted."""

from __future__ import annotations

import subprocess
import sys

import pytest

LABORATORY = ("hdrh", "kubeapi.backends.reading", "kubelet.servers.backend", "kubesvc.bench", "statistics", "svcbench")

PODS = (
    "kubelet.images",
    "kubelet.pod.spec",
    "kubelet.pod.machine.state",
    "kubelet.runtime.pods.workers",
    "kubesvc.state.resume",
)
"""What runs pods, and starts saved ones again: a start without any does not wait for it."""


@pytest.mark.parametrize(
    ("entrance", "dear"),
    [
        pytest.param("kubesvc.run.lifecycle", (*LABORATORY, *PODS, "kubeclient"), id="a-cluster"),
        pytest.param(
            "kubesvc.run.api.server",
            ("kubeapi.validation.formats", "kubeapiserver.protobuf.encoding", "kubeapiserver.tables.pod"),
            id="an-api-server",
        ),
        pytest.param("kubelet.process.zygote", (*LABORATORY, "asyncio", "kubeclient", "kubeproxy"), id="pods"),
        pytest.param("kubeproxy.userspace.workers.io.worker", (*LABORATORY, "kubeclient"), id="a-worker-of-the-proxy"),
        pytest.param(
            "kubesvc.remote.dns.serving",
            (*LABORATORY, "aiohttp", "kubeapi.kinds", "kubeapi.registry", "yaml"),
            id="a-name-server",
        ),
        pytest.param("kubesvc.remote.proxy.serving", (*LABORATORY, "aiohttp"), id="a-proxy"),
    ],
)
def test_what_few_use_is_not_imported_at_the_start(entrance: str, dear: tuple[str, ...]) -> None:
    program = f"import sys, {entrance}; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    imported = said.split()
    assert entrance in imported
    assert [each for each in imported if each in dear or each.startswith(tuple(f"{name}." for name in dear))] == []

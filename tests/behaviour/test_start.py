"""What a start does without: modules that are imported on first use, and files that nobody reads."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import ClusterCommands, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import deployment, service, write

ON_FIRST_USE = (
    "kubeapi.streaming",
    "kubeapiserver.openapi",
    "kubeapiserver.proxying.rewriting",
    "kubeapiserver.streaming.websocket",
    "kubeapiserver.wire.sessions.command",
    "kubeapiserver.wire.sessions.portchannels",
    "kubeapiserver.wire.sessions.portforward",
    "kubeapiserver.wire.forwarding.proxy",
    "kubeapiserver.wire.sessions.serving",
    "kubeapiserver.wire.sessions.spdy",
    "kubelet.servers.http.server",
    "kubeproxy.userspace.workers",
    "kubesvc.control.client",
    "kubesvc.doctor",
    "kubesvc.run.embedding",
    "kubesvc.run.machine.subnets",
    "kubesvc.terminal.down",
    "kubesvc.terminal.up.running",
    "prometheus_client",
    "rich",
)
"""Modules and packages that no cluster needs before somebody asks for what they do."""


@pytest.fixture
def commands(tmp_path: Path) -> ClusterCommands:
    """Return the commands of a cluster that has each import reported, and certificate authorities that never end."""
    authorities = tmp_path / "authorities.pem"
    os.mkfifo(authorities)
    return ClusterCommands(tmp_path, env={"PYTHONPROFILEIMPORTTIME": "1", "SSL_CERT_FILE": str(authorities)})


def test_a_start_imports_no_module_that_is_for_later_and_reads_no_certificate_authorities(
    commands: ClusterCommands, tmp_path: Path
) -> None:
    file = write(tmp_path / "web.yaml", Ground(0).configuration(), service("web"), deployment("web"))
    with running(commands, file):
        reported = commands.started.stderr + commands.log()
    imported = set(re.findall(r"^import time: .*\| +(\S+)$", reported, re.MULTILINE))
    assert {"kubesvc.terminal.up.run", "kubeapiserver.wire.server", "aiohttp.connector"} <= imported
    assert imported & set(ON_FIRST_USE) == set()

"""Built-in servers as processes of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.helpers.kubelet.builtins import BuiltinHost

from kubelet.process.orphans import marker
from kubelet.process.runner import ProcessRunner


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[BuiltinHost]:
    """Have what runs them."""
    runner = ProcessRunner(marker("servers", tmp_path))
    yield BuiltinHost(runner)
    await runner.close()

"""The recorded answers are those to one version of kubectl."""

from __future__ import annotations

import pytest
from tests.helpers.kubectl.cli import find_kubectls
from tests.helpers.oracle import KUBECTL


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without that version of kubectl there is nothing to compare."""
    if KUBECTL not in find_kubectls():
        gone = [item for item in items if "answers" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if item not in gone]

"""The tests in a browser are there where a browser is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

BROWSERS = ("chromium", "google-chrome")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a browser what needs one is no test."""
    if _found() is None:
        gone = [item for item in items if "browser" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if item not in gone]


@pytest.fixture(scope="session")
def browser() -> str:
    """Return the program."""
    found = _found()
    assert found is not None
    return found


def _found() -> str | None:
    """Return a browser that may read the tests' files: one from a snap has a /tmp of its own."""
    found = (shutil.which(name) for name in BROWSERS)
    return next((each for each in found if each and Path(each).resolve().name != "snap"), None)

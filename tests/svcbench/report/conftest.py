"""The tests in a browser are there where a browser is."""

from __future__ import annotations

import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


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
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)

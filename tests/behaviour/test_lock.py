"""The lock in requirements/ is that of pyproject.toml: who adds a requirement runs `make update`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BUILD = PYPROJECT["build-system"]["requires"]
RUN = PYPROJECT["project"]["dependencies"]
DEV = PYPROJECT["project"]["optional-dependencies"]["dev"]


def locked(name: str) -> dict[str, str]:
    """Return the versions of a lock by canonical name."""
    pins = re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements" / f"{name}.txt").read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in pins}


@pytest.mark.parametrize(("lock", "wanted"), [("run", [*BUILD, *RUN]), ("dev", [*BUILD, *RUN, *DEV])])
def test_the_lock_has_a_version_that_pyproject_allows_of_everything(lock: str, wanted: list[str]) -> None:
    pins = locked(lock)
    for requirement in map(Requirement, wanted):
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not in the lock: make update"
        assert requirement.specifier.contains(version), (
            f"{requirement.name} {version} is not {requirement}: make update"
        )


def test_who_tests_has_the_versions_of_who_runs() -> None:
    run, dev = locked("run"), locked("dev")
    assert {name: dev.get(name) for name in run} == run


@pytest.mark.parametrize("lock", ["run", "dev"])
def test_every_file_of_the_lock_has_a_hash_and_none_has_an_address(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    assert all("--hash=sha256:" in each for each in re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:])
    assert "://" not in text
    assert "index" not in re.sub(r"#.*", "", text)

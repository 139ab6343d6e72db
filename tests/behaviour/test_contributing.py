"""What CONTRIBUTING.md says of this house."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.helpers.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
PATHS = sorted(set(re.findall(r"(?<![\w/])\.?(?:cluster|proxy|dns|tests|\.ci)/[\w./-]*\w/?", TEXT)))


@pytest.mark.parametrize("path", PATHS)
def test_every_file_and_folder_that_is_named_is_there(path: str) -> None:
    # NAME stands for what one adds: its folder must be there.
    assert (ROOT / path.replace("NAME.py", "")).exists()


def test_every_package_is_on_the_map() -> None:
    packages = {f"{file.parent.relative_to(ROOT)}/" for file in ROOT.glob("*/*/__init__.py")}
    assert {path for path in packages if path.split("/")[0] in ("cluster", "dns", "proxy")} <= set(PATHS)


def test_the_top_level_holds_what_is_promised_and_nothing_else() -> None:
    (line,) = (each for each in TEXT.splitlines() if each.startswith("- **The top level** has"))
    promised = {each.rstrip("/") for each in re.findall(r"`([^`]+)`", line)} - {"make"}
    # The repository may be another user's: of a container's volume, say.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "--cached"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert {each.split("/")[0] for each in listed.stdout.splitlines()} == promised


def test_the_notices_name_the_versions_that_derive_takes() -> None:
    notices = "".join(
        (ROOT / each / "NOTICE").read_text() for each in ("cluster/kubeapiserver", "cluster/kubeapi/schema")
    )
    taken = re.findall(r"^\w+=v?([\d.]+)", (ROOT / ".ci/derive").read_text(), re.MULTILINE)
    assert [each for each in taken if not re.search(rf"\bv?{re.escape(each)}\b", notices)] == []
    assert len(taken) == 3


def test_the_tables_of_algorithms_are_current() -> None:
    script = [sys.executable, str(ROOT / ".ci/derive-balancers"), "--check"]
    found = subprocess.run(script, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert found.returncode == 0, found.stderr

"""Has kubesvc start as it does where it is installed: with its bytecode, which pip writes then."""

from __future__ import annotations

import compileall
import os
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_FOLDERS = ("cluster", "dns", "proxy")


def be_as_installed() -> None:
    """Write the bytecode of a checkout that has none, even where the environment forbids it.

    Without it each start compiles some hundred modules, which takes a quarter of the processor's time that it has.
    """
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for each in _FOLDERS:
        compileall.compile_dir(_ROOT / each, quiet=2)

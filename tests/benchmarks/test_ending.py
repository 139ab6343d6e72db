"""A program that measures and is ended by a signal ends what it has started."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from tests.helpers.patience import PATIENCE

BUSY = """
import importlib, runpy, sys, time

module, owner, name = sys.argv[1:]

def busy(*_):
    try:
        print("busy", flush=True)
        time.sleep(600)
    finally:
        print("given back", flush=True)

setattr(importlib.import_module(owner), name, busy)
sys.argv[1:] = []
runpy.run_module(module, run_name="__main__")
"""
"""A program whose first step never ends, and has something to give back."""


@pytest.mark.parametrize(
    ("program", "owner", "step", "by"),
    [
        ("benchmarks.laboratory", "benchmarks.suite.peers", "raise_file_limit", signal.SIGTERM),
        ("benchmarks.suite", "benchmarks.suite.peers", "raise_file_limit", signal.SIGINT),
        ("benchmarks.api", "shutil", "which", signal.SIGHUP),
    ],
)
def test_a_signal_ends_it_as_ctrl_c_does(program: str, owner: str, step: str, by: int) -> None:
    command = [sys.executable, "-c", BUSY, program, owner, step]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "busy\n"
        running.send_signal(by)
        assert running.stdout.read() == "given back\n"
        assert running.wait(PATIENCE) == 130

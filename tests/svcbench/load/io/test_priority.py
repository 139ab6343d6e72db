"""The generator's process comes before others where it may, and gives that back."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import os
from svcbench.load.io.priority import be_on_time, be_patient
be_on_time()
print(os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_OTHER))
be_patient()
print(os.sched_getscheduler(0) == os.SCHED_OTHER)
"""


def test_a_generator_asks_for_what_its_user_may_have_and_gives_it_back() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]

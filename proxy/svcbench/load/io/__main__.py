"""The generator's process: reads a plan from standard input, writes frames to standard output.

It ends when its standard input is closed, with what it has until then, so it never outlives the command that began it.
"""

from __future__ import annotations

import contextlib
import gc
import os

from kubehost.openfiles import grow_table, raise_limit
from svcbench.load.io.generator import Generator
from svcbench.load.io.outlet import Outlet
from svcbench.load.io.priority import be_on_time, be_patient
from svcbench.load.plan import read_plan


def main() -> None:
    """Carry out one plan."""
    raise_limit()
    grow_table()
    text = b""
    while not text.endswith(b"\n"):
        piece = os.read(0, 1 << 16)
        if not piece:
            return
        text += piece
    plan = read_plan(text.decode())
    generator = Generator(plan, Outlet(1), 0, be_patient)
    # A closed loop always has something to do: it takes its turn among the others.
    if plan.schedule is not None:
        be_on_time()
    gc.freeze()
    gc.disable()
    # Without a reader there is nobody to tell.
    with contextlib.suppress(BrokenPipeError):
        generator.run()
    generator.close()


if __name__ == "__main__":
    main()

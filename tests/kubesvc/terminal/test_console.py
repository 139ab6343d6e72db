from __future__ import annotations

import os
from io import StringIO
from pathlib import Path

from kubesvc.terminal.console import Console


def test_what_was_asked_for_and_the_rest_go_apart() -> None:
    out, err = StringIO(), StringIO()
    console = Console(out, err)
    console.say("one", "two")
    console.warn("three")
    assert (out.getvalue(), err.getvalue()) == ("one\ntwo\n", "three\n")


def test_nothing_to_say_prints_nothing() -> None:
    out = StringIO()
    Console(out, out).say()
    assert out.getvalue() == ""


def test_a_reader_that_has_left_is_written_to_no_more() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out:
        console = Console(out, StringIO())
        console.say("lost")
        console.say("lost too")
        assert Path(f"/proc/self/fd/{writing}").readlink() == Path(os.devnull)


def test_a_full_disk_costs_lines_and_nothing_else() -> None:
    with Path("/dev/full").open("w") as out:
        console = Console(out, StringIO())
        console.say("lost")
        console.say("lost too")

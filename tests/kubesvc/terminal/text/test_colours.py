from __future__ import annotations

import re
from io import StringIO

import pytest

from kubesvc.terminal.text import colours

TABLE = """NAMESPACE   NAME   STATUS             ENDPOINTS   DNS
default     a      Running            1/1         a.default
default     b      CrashLoopBackOff   0/2         b.default
default     [c]    :smile: Pending    0/0         [bold]"""


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def without_escapes(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_the_text_is_the_same_with_colours() -> None:
    wide = f"{TABLE}\n{'x' * 500}   Running   "
    assert without_escapes(colours.painted(wide)) == wide


def test_states_have_their_colours() -> None:
    painted = colours.painted(TABLE)
    assert painted.startswith("\x1b[1mNAMESPACE")
    assert "\x1b[32mRunning\x1b[0m" in painted
    assert "\x1b[31mCrashLoopBackOff\x1b[0m" in painted
    assert "\x1b[31m0/2\x1b[0m" in painted
    assert " 0/0 " in painted


@pytest.mark.parametrize(
    ("stream", "environ", "is_painted"),
    [
        pytest.param(Terminal(), {}, True, id="terminal"),
        pytest.param(Terminal(), {"NO_COLOR": ""}, True, id="empty-no-color-is-none"),
        pytest.param(Terminal(), {"NO_COLOR": "1"}, False, id="no-color"),
        pytest.param(Terminal(), {"TERM": "dumb"}, False, id="dumb-terminal"),
        pytest.param(StringIO(), {}, False, id="pipe"),
    ],
)
def test_only_a_terminal_that_wants_it_gets_colour(stream: StringIO, environ: dict[str, str], is_painted: bool) -> None:
    assert (colours.of(stream, environ)(TABLE) != TABLE) is is_painted

"""A simulated comparison says how far it is on a terminal, and leaves nothing of that behind."""

from __future__ import annotations

import sys

import pytest

from kubesvc.terminal.bench.comparing import telling_in_place
from svcbench.compare.contenders import Contender
from svcbench.compare.plan import Trial

TRIAL = Trial(2, 1, Contender("p2c\x1b", "p2c"), 7)


@pytest.mark.parametrize(
    ("is_terminal", "said"), [(True, "\rtrial 3 of 8, block 2: p2c\\x1b\x1b[K\r\x1b[K"), (False, "")]
)
def test_a_trial_takes_the_place_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_terminal: bool, said: str
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    # click takes the codes away where it sees no terminal itself; what it is given is what counts here.
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    with telling_in_place() as tell:
        tell(TRIAL, 8)
    assert capsys.readouterr().err == said

from __future__ import annotations

import pytest

from kubesvc.wording import counted


@pytest.mark.parametrize(("number", "text"), [(0, "no fault"), (1, "1 fault"), (2, "2 faults")])
def test_a_number_has_its_noun(number: int, text: str) -> None:
    assert counted(number, "fault") == text

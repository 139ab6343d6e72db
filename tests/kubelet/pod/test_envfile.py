"""Files with variables, as fileKeyRef reads them."""

from __future__ import annotations

import pytest

from kubelet.pod.envfile import find_variable

FILE = """\
# a comment
  A='1'
B='two
lines' # and a comment

C= 'nothing'
D='it=is # no comment'
"""


@pytest.mark.parametrize(
    ("key", "value"),
    [("A", "1"), ("B", "two\nlines"), ("C", ""), ("D", "it=is # no comment"), ("E", ""), ("lines", "")],
)
def test_a_key_has_the_value_between_its_quotes(key: str, value: str) -> None:
    assert find_variable(FILE, key) == value


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("A", "missing '='"),
        ("='1'", "no variable name before '='"),
        ("A ='1'", "no variable name before '='"),
        ("A=1", "value must be enclosed in single quotes"),
        ('A="1"', "value must be enclosed in single quotes"),
        ("A='1", "unclosed single quote"),
        ("A='1'2", "unexpected content after closing quote"),
        ("B=1\nA='1'", "value must be enclosed in single quotes"),
    ],
)
def test_a_malformed_line_is_a_fault(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        find_variable(text, "A")


def test_what_comes_after_the_key_does_not_matter() -> None:
    assert find_variable("A='1'\nnonsense", "A") == "1"

"""The position that Go's decoder (encoding/base64) gives of what is no base64."""

from __future__ import annotations

import pytest

from kubeapi.serialization.scalars import base64_fault


@pytest.mark.parametrize("text", ["", "abcd", "ab==", "abc=", "a\nb\nc\nd\n", "ab\n=\n=\n", "\r\n"])
def test_good_base64_has_no_fault(text: str) -> None:
    assert base64_fault(text) == ""


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("hello", 4),
        ("hello world", 5),
        ("ab", 0),
        ("ab=", 3),
        ("ab=x", 2),
        ("abc=x", 4),
        ("====", 0),
        ("abcdef", 4),
        ("ab==cd", 4),
        ("a=", 1),
        ("ä", 0),
    ],
)
def test_the_fault_names_the_byte(text: str, position: int) -> None:
    assert base64_fault(text) == f"illegal base64 data at input byte {position}"

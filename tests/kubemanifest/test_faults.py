"""How the faults of an input show a value."""

from __future__ import annotations

import pytest

from kubeapi.validation.faults import duplicate, invalid
from kubemanifest.faults import as_written


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ('a "b" \\', '"a "b" \\"'),
        (80, "80"),
        (1.5, "1.5"),
        (True, "true"),
        (None, "null"),
        ({"a": "b"}, '"a mapping"'),
        ([1], '"a list"'),
    ],
)
def test_a_value_is_shown_as_the_file_has_it(value: object, shown: str) -> None:
    assert invalid("spec", as_written(value), "wrong").message == f"Invalid value: {shown}: wrong"
    assert duplicate("spec", as_written(value)).message == f"Duplicate value: {shown}"

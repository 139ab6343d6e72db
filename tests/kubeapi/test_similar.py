"""Which known word somebody probably meant."""

from __future__ import annotations

import pytest

from kubeapi.similar import did_you_mean, nearest

WORDS = ("Service", "round_robin", "maglev")


@pytest.mark.parametrize(
    ("word", "cutoff", "meant"),
    [
        pytest.param("round_robbin", 0.6, "round_robin", id="a-slip-of-the-pen"),
        pytest.param("service", 0.8, "Service", id="another-case"),
        pytest.param("magnet", 0.6, "maglev", id="similar-enough"),
        pytest.param("magnet", 0.8, "", id="not-similar-enough"),
        pytest.param("", 0.6, "", id="nothing"),
    ],
)
def test_the_most_similar_known_word_is_meant(word: str, cutoff: float, meant: str) -> None:
    assert nearest(word, WORDS, cutoff) == meant
    assert did_you_mean(word, WORDS, cutoff) == (f'did you mean "{meant}"?' if meant else "")

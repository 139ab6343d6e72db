"""Whatever a Corefile says, it is served or refused with a place: the reader never fails in another way."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.kubesvc.corefile import KUBEADM, TextFiles

from kubesvc.remote.corefile.catalogue import READERS
from kubesvc.remote.corefile.composing import compose
from kubesvc.remote.corefile.notes import CorefileError, Notes
from kubesvc.remote.corefile.reading import read_corefile

OPTIONS = """
pods ttl namespaces labels namespace_labels endpoint_pod_names noendpoints ignore empty_service fallthrough kubeconfig
except policy max_concurrent max_fails health_check read_timeout force_tcp no_reverse success denial servfail disable
lameduck monitor to import
"""
VALUES = """
. cluster.local in-addr.arpa 10.0.0.0/9 fd00::/61 a..b 0 5 -1 99999999999 1.5s 5s 500ms 192.0.2.1 192.0.2.1:5353
[::1]:53 tls://192.0.2.1 :8080 :0 * insecure sequential {$HOME} {%X%} "" "a é (s) , a.example,
"""
WORDS = st.sampled_from(
    [*READERS, *re.findall(r"\S+", OPTIONS + VALUES), "{", "}", "\n", "\n", "\n", "{\n", "}\n", "#"]
)


def is_served_or_refused(text: str) -> None:
    files, notes = TextFiles(), Notes()
    try:
        compose(read_corefile(text, "Corefile", files, {"HOME": "/root"}, notes), files, notes)
    except CorefileError as error:
        assert error.faults
        assert all(": " in each or "empty" in each for each in error.faults)


@settings(max_examples=150)
@given(st.lists(WORDS, max_size=40).map(" ".join))
def test_any_words_are_served_or_refused(text: str) -> None:
    is_served_or_refused(text)
    is_served_or_refused(f".:53 {{\nkubernetes cluster.local {{\n{text}\n}}\n}}")


@settings(max_examples=100)
@given(st.integers(0, len(KUBEADM)), st.integers(0, 40), st.text(max_size=8))
def test_any_edit_of_kubeadms_is_served_or_refused(begin: int, length: int, text: str) -> None:
    is_served_or_refused(KUBEADM[:begin] + text + KUBEADM[begin + length :])

"""Regular expressions of Go: the same matches as Python's re has, in a time that no pattern can stretch."""

from __future__ import annotations

import random

import pytest

from kubeapi.regexp import Pattern, go_regexp

PATTERNS = [
    *("a", "^a+$", "(a|ab)(c|bcd)(d*)", "a*?b", "[a-c]+x?", "(a+)+b", r"\d+\w*\s?", r"\bab\b", "(?i)AbC", ".*b"),
    *("a{2,3}", "a{2,}", "(?:ab){1,2}c", "[^a]b", "^$", "", "x|", "(a|b)*?c", "(?s).b", r"\Ba", r"[\d-]+", "a??b"),
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    *("a(?i)b|c", "(?m)^[a-d]$", "((?i)ab|cd)a", "(?m:^|a)b", "(?U)a+b?", r"\B", "(?i)a(?-i:b)+", r"\d|a??"),
]


@pytest.mark.parametrize("text", PATTERNS)
def test_both_ways_to_match_find_the_same(text: str) -> None:
    rng, quick = random.Random(text), go_regexp(text)
    slow = Pattern(quick.compiled, quick.tree, quick_length=-1)
    for _ in range(60):
        subject = "".join(rng.choices("abcd1-. \nA_", k=rng.randrange(12)))
        assert slow.find(subject) == quick.find(subject), subject
        assert slow.matches(subject) == quick.matches(subject), subject
        assert list(slow.find_all(subject)) == list(quick.find_all(subject)), subject


@pytest.mark.parametrize("text", ["^(a+)+$", "^(a|aa)+$", "(.*a){12}b", "a*a*a*a*a*b"])
def test_a_pattern_that_goes_back_without_end_is_matched_in_one_pass(text: str) -> None:
    pattern, subject = go_regexp(text), "a" * 400 + "!"
    assert len(subject) > pattern.quick_length
    assert not pattern.matches(subject)


@pytest.mark.parametrize(
    "text",
    ["(?=a)", r"(a)\1", "[", "a(?<!b)", "((a{100}){100}){100}b+", "(?x)a", "(?i-)a", r"a\Z", r"\x{110000}", "[[:a:]]"],
)
def test_what_go_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Pattern(go_regexp(text).compiled, go_regexp(text).tree, quick_length=-1).matches("a")


def test_a_dollar_is_the_end_of_the_text_alone() -> None:
    assert not go_regexp("a$").matches("a\n")
    assert go_regexp(r"a\z").matches("ba")


@pytest.mark.parametrize(
    ("text", "subject", "is_found"),
    [
        (r"^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$", "/a$b%2F", True),
        (r"^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$", "/a b", False),
        ("^[[:alpha:]_]+$", "a_B", True),
        ("^[[:alpha:]_]+$", "a1", False),
        ("^[^[:space:]]+$", "a b", False),
        ("^[]a]+$", "]a", True),
        ("^[a[]+$", "a[", True),
        (r"^[\]$]+$", "]$", True),
        ("^[a&&b||c]$", "&", True),
    ],
)
def test_a_class_of_characters_has_what_it_has_in_go(text: str, subject: str, is_found: bool) -> None:
    assert go_regexp(text).matches(subject) is is_found


@pytest.mark.parametrize(
    ("text", "subject", "found"),
    [
        ("^(?i)foo$", "FOO", ["FOO"]),
        ("a(?i)b|c", "aB C ab AB", ["aB", "C", "ab"]),
        ("((?i)mon|tues)day", "MONday TUESday tuesDAY", ["MONday", "TUESday"]),
        ("(?i:a(?-i)b|c)d", "Abd Cd cd ABd Acd", ["Abd", "cd", "cd"]),
        ("(?m)^a$", "a\nab\na", ["a", "a"]),
        ("^a$", "a\na", []),
        ("(?s)a.b", "a\nb", ["a\nb"]),
        ("(?U)a+", "aaa", ["a", "a", "a"]),
        ("(?U)a+?", "aaa", ["aaa"]),
        ("(?<name>a)(?P<other>b)", "ab", ["ab"]),
        (r"\Qa.b\E.", "a.bc aabc", ["a.bc"]),
        (r"a\x{42}[\x{43}]", "aBC", ["aBC"]),
        ("a{,2}{", "a{,2}{", ["a{,2}{"]),
        ("[[:^digit:]]+", "1ab\u20ac2", ["ab\u20ac"]),
        (r"\s", " \v", [" "]),
        (r"[^\S]", " \v", [" "]),
        (r"\B", "", [""]),
    ],
)
def test_both_ways_find_what_go_finds(text: str, subject: str, found: list[str]) -> None:
    quick = go_regexp(text)
    slow = Pattern(quick.compiled, quick.tree, quick_length=-1)
    assert (list(quick.find_all(subject)), list(slow.find_all(subject))) == (found, found)

"""Words, server blocks, snippets and imports, as coredns/caddy reads them."""

from __future__ import annotations

import pytest
from tests.helpers.kubesvc.corefile import TextFiles

from kubesvc.remote.corefile.grammar import Block, read_blocks
from kubesvc.remote.corefile.notes import CorefileError
from kubesvc.remote.corefile.tokens import read_tokens

ENVIRON = {"UPSTREAM": "192.0.2.1", "ZONE": "b.example"}
FILES = {
    "/conf/custom/a.override": "log\nerrors",
    "/conf/custom/b.override": "loop",
    "/conf/one.server": "one.example {\n errors\n}",
}


def blocks(text: str) -> list[str]:
    """Each block in one line: keys, then each plugin with its words and its options."""
    return [_line(each) for each in read_blocks(text, "/conf/Corefile", TextFiles(FILES), ENVIRON)]


def _line(block: Block) -> str:
    plugins = []
    for name, args, options in block.stanzas:
        inner = "; ".join(" ".join((option.text, *(each.text for each in words))) for option, words in options)
        plugins.append(" ".join((name.text, *(each.text for each in args))) + (f" {{{inner}}}" if options else ""))
    return f"{' '.join(each.text for each in block.keys)}: {', '.join(plugins)}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a  b\n\tc", ["a", "b", "c"]),
        ("a # b c\nd", ["a", "d"]),
        ("a#b c\nd", ["a", "d"]),
        ('"a b" c', ["a b", "c"]),
        (r'"a \"b\" \c"', [r'a "b" \c']),
        ('a"b"', ['a"b"']),
        ('"a\nb" c', ["a\nb", "c"]),
        ('"to the end', ["to the end"]),
        ('"" x', ["", "x"]),
        ("\ufeffa\r\nb", ["a", "b"]),
        ("", []),
    ],
)
def test_words_are_split_as_by_caddy(text: str, words: list[str]) -> None:
    assert [each.text for each in read_tokens(text, "Corefile")] == words


def test_each_word_knows_its_line() -> None:
    assert [each.place for each in read_tokens('a "b\nc" # d\n\n e', "F")] == ["F:1", "F:1", "F:4"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".:53 {\n errors\n cache 30 {\n  success 9\n }\n}", [".:53: errors, cache 30 {success 9}"]),
        ("a.example, b.example:1053 {\n log\n}", ["a.example b.example:1053: log"]),
        ("a.example,\nb.example {\n log\n}", ["a.example b.example: log"]),
        ("a.example b.example {\n}\nc.example {\n}", ["a.example b.example: ", "c.example: "]),
        (".:53\nerrors\ncache 30", [".:53: errors, cache 30"]),
        (".", [".: "]),
        ("dns://.:53 {\n}", ["dns://.:53: "]),
        ("{$ZONE} {\n forward . {$UPSTREAM}:53 {%NOWHERE%}x\n}", ["b.example: forward . 192.0.2.1:53 x"]),
        ("(s) {\n errors\n log\n}\n. {\n import s\n loop\n}", [".: errors, log, loop"]),
        ("(s) {\n success 9\n}\n. {\n cache {\n  import s\n }\n}", [".: cache {success 9}"]),
        (". {\n import custom/*.override\n cache\n}", [".: log, errors, loop, cache"]),
        (". {\n import custom/*.none\n log\n}", [".: log"]),
        ("import /conf/one.server\n. {\n log\n}", ["one.example: errors", ".: log"]),
        ('"quoted.example" {\n template "a b"\n}', ["quoted.example: template a b"]),
        ("", []),
    ],
)
def test_blocks_are_read_as_by_caddy(text: str, expected: list[str]) -> None:
    assert blocks(text) == expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (". {\n errors", "/conf/Corefile:1: the \"}\" of '.' is missing at the end of the file"),
        (". {\n cache {\n success 9\n}", "/conf/Corefile:1: the \"}\" of '.' is missing at the end of the file"),
        ("(s) {\n a", "/conf/Corefile:1: the \"}\" of '(s)' is missing at the end of the file"),
        ("a.example, {\n}", "/conf/Corefile:1: an address is missing behind the comma; remove the comma"),
        ("{\n log\n}", '/conf/Corefile:1: a server block without a zone; write its zone before it: ". {"'),
        (".\nlog\n}", '/conf/Corefile:3: a "}" without a "{"'),
        ("(s) {\n}\n(s) {\n}", "/conf/Corefile:3: the snippet 's' is there already; rename one of the two"),
        ("(s) {\n import s\n}\n. {\n import s\n}", "/conf/Corefile:2: more than 1000 imports: 's' imports itself"),
        (
            ". {\n import nothing\n}",
            "/conf/Corefile:2: import: there is no file 'nothing', and no snippet of that name before it",
        ),
        (". {\n import\n}", "/conf/Corefile:2: import takes one name: of a snippet, or of files"),
        (
            ". {\n cache {\n  success {\n  }\n }\n}",
            "/conf/Corefile:3: cache: success has braces of its own, which no option here has",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, fault: str) -> None:
    with pytest.raises(CorefileError) as caught:
        blocks(text)
    assert caught.value.faults == (fault,)

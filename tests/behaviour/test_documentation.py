"""The pages of the documentation name what there is: commands, kinds, images, keys, and each other."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest
from tests.helpers.pages import PAGES, ROOT, TRIED, blocks, consoles

from kubeapi.kinds import KINDS
from kubeapi.validation.admission import without_effect
from kubelet.images import agnhost
from kubelet.images.catalog import BUILTIN_IMAGES
from kubeproxy.balancers import NAMES
from kubesvc.terminal.cli import kubesvc

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_INLINE = re.compile(r"(?<!`)`(kubesvc [^`]+)`")
MOST_WORDS = {"README.md": 3000}
"""A page that is longer has two subjects; the start page is read by everybody."""


def anchors(page: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)
    headings = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", each).lower() for each in _HEADING.findall(prose))
    return {re.sub(r"[^\w\- ]", "", each).replace(" ", "-") for each in headings}


def commands_of(page: str) -> Iterator[str]:
    """Yield the commands of kubesvc that a page has, in its text and in its blocks that no test runs."""
    yield from _INLINE.findall(PAGES[page])
    for block in blocks(page, "sh"):
        yield from (line for line in block.splitlines() if line.startswith("kubesvc "))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    lost = []
    for link in _LINK.findall(PAGES[page]):
        path, _, anchor = link.partition("#")
        if ":" in path:
            continue
        target = (ROOT / page).parent / path if path else ROOT / page
        named = target.resolve().relative_to(ROOT).as_posix() if target.exists() else ""
        if not named or (anchor and anchor not in anchors(named)):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_short_and_opens_with_its_subject(page: str) -> None:
    assert len(PAGES[page].split()) <= MOST_WORDS.get(page, 2500)
    assert PAGES[page].startswith("# ")


@pytest.mark.parametrize("page", PAGES)
def test_every_row_of_a_table_has_all_its_cells(page: str) -> None:
    prose = re.sub(r"^```.*?^```", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)
    tables = [each.splitlines() for each in re.findall(r"(?:^\|.*\n)+", prose, re.MULTILINE)]
    wrong = [row for first, *rows in tables for row in rows if cells(row) != cells(first)]
    assert (wrong, [table[0] for table in tables if not table[1].startswith("|---")]) == ([], [])


def cells(row: str) -> int:
    """Return how many cells a row has; a bar within one is escaped, in code too."""
    return len(re.findall(r"(?<!\\)\|", row)) - 1


def test_every_page_with_commands_and_output_has_a_test_that_runs_them() -> None:
    assert [page for page in PAGES if consoles(page)] == sorted(TRIED)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_is_one(page: str) -> None:
    refused = {}
    for command in commands_of(page):
        name, *arguments = shlex.split(command.partition(" | ")[0], comments=True)[1:]
        if name == "COMMAND" or "..." in arguments:
            continue
        try:
            # Commands keep the help option of their first context: it has to have the names that users know.
            with kubesvc.make_context("kubesvc", [], resilient_parsing=True) as context:
                _, subcommand, rest = kubesvc.resolve_command(context, [name, *arguments])
                assert subcommand is not None
                subcommand.make_parser(context).parse_args(rest)
        except click.UsageError as error:
            refused[command] = error.format_message()
    assert refused == {}


def test_the_start_page_has_every_command() -> None:
    assert [name for name in kubesvc.commands if f"`kubesvc {name}" not in PAGES["README.md"] and name != "env"] == []


def test_the_start_page_counts_the_algorithms() -> None:
    assert f"one of {len(NAMES)} algorithms" in PAGES["README.md"]


def test_every_kind_is_on_its_page() -> None:
    page = PAGES["cluster/kinds.md"]
    assert [each.resource.kind for each in KINDS if not re.search(rf"\b{each.resource.kind}\b", page)] == []


def test_the_kinds_that_are_stored_without_effect_are_listed() -> None:
    table = PAGES["cluster/kinds.md"].partition("## Stored without effect")[2].partition("\n## ")[0]
    idle = {each.resource.kind for each in KINDS if each.warnings.__qualname__.startswith(without_effect.__name__)}
    assert idle == {name for cell in re.findall(r"^\| ([A-Z].*?) \|", table, re.MULTILINE) for name in cell.split(", ")}


def test_every_image_and_every_command_of_agnhost_is_on_its_page() -> None:
    page = PAGES["cluster/images.md"]
    wanted = [*BUILTIN_IMAGES, *agnhost._COMMANDS]
    assert [each for each in wanted if not re.search(rf"[`/]{re.escape(each)}`", page)] == []

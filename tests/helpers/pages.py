"""The pages of the documentation: their commands, what they print below them, and their programs and documents."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {
    each.relative_to(ROOT).as_posix(): each.read_text()
    for each in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("[cdp]*/*.md")))
}
"""Their texts, by their places."""
_ADDRESS = re.compile(r"\b127\.(?:9[6-9]|10\d|11[01])\.\d+\.\d+")
_POD = re.compile(r"\b(?:nginx|front)-[a-z0-9]{6,10}-[a-z0-9]{5}\b")
_AGE = re.compile(r"\b\d+[smh](?=$|\s)", re.MULTILINE)
_COUNT = re.compile(r"^ *\d+ (?=X-Pod)", re.MULTILINE)


def shape(text: str) -> list[str]:
    """Return the lines, with blanks and everything that differs from run to run made alike."""
    for pattern, name in (
        (_ADDRESS, "<cluster IP>"),
        (_POD, "<pod>"),
        (_COUNT, "<count> "),
        (_AGE, "<age>"),
    ):
        text = pattern.sub(name, text)
    return list(dict.fromkeys(" ".join(line.split()) for line in text.strip().split("\n")))


def commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of a block with the lines that the page prints below them."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, shape(output) if output.strip() else []


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a page that are in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL)


def consoles(page: str) -> list[list[tuple[str, list[str]]]]:
    """Return the commands of each console block of a page."""
    return [list(commands(each)) for each in blocks(page, "console")]


# Each block has a test: one that is added here has none yet, and does not fit.
UP, USE, WHY = consoles("README.md")
(FAULTS,) = consoles("cluster/commands.md")
(EXACT,) = consoles("cluster/addresses.md")
(SHOP,) = consoles("cluster/pods.md")
(CONNECT,) = consoles("cluster/connect.md")
(PROXY,) = consoles("proxy/real-cluster.md")
(DNS,) = consoles("dns/README.md")
TRIED = (
    "README.md",
    "cluster/addresses.md",
    "cluster/commands.md",
    "cluster/connect.md",
    "cluster/pods.md",
    "dns/README.md",
    "proxy/real-cluster.md",
)
"""The pages with such blocks."""
(PROGRAM,) = blocks("cluster/python.md", "python")
(CONFIGURATION,) = blocks("cluster/configuration.md", "yaml")


def in_order(wanted: list[str], lines: list[str]) -> bool:
    """Tell whether the lines hold the wanted ones, in their order; "..." stands for any."""
    rest = iter(lines)
    return all(any(line == each for line in rest) for each in wanted if each != "...")


def with_kubesvc(env: dict[str, str]) -> dict[str, str]:
    """Return the environment with the kubesvc under test on the PATH."""
    return {**env, "PATH": f"{Path(sys.executable).parent}:{env['PATH']}"}

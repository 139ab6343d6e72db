"""The README's commands, what it prints below them, and its programs and documents."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
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
    """Yield the commands of a block with the lines that the README prints below them."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, shape(output) if output.strip() else []


README = (ROOT / "README.md").read_text()
REMOTE = ("kubesvc up --detach --name prod", "sudo kubesvc proxy", "export UPSTREAM")
"""How the first commands of blocks begin that are about a real cluster."""
_BLOCKS = [list(commands(block)) for block in _BLOCK.findall(README)]
UP, USE, FAULTS, EXACT, SHOP = (each for each in _BLOCKS if not each[0][0].startswith(REMOTE))
CONNECT, PROXY, DNS = (each for each in _BLOCKS if each[0][0].startswith(REMOTE))
PYTHON, YAML = (re.findall(rf"^```{name}\n(.*?)^```", README, re.MULTILINE | re.DOTALL) for name in ("python", "yaml"))


def in_order(wanted: list[str], lines: list[str]) -> bool:
    """Tell whether the lines hold the wanted ones, in their order; "..." stands for any."""
    rest = iter(lines)
    return all(any(line == each for line in rest) for each in wanted if each != "...")


def with_kubesvc(env: dict[str, str]) -> dict[str, str]:
    """Return the environment with the kubesvc under test on the PATH."""
    return {**env, "PATH": f"{Path(sys.executable).parent}:{env['PATH']}"}

"""`kubesvc shell` with a person at its terminal, whose commands are typed one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.helpers.cluster.cli import KUBESVC, ClusterCommands
from tests.helpers.kubectl.terminal import Terminal

PROMPT = "<<next>> "


class NodeShell:
    """Types into a bash; what it prints comes back without the prompt."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def run(self, command: str) -> str:
        """Type a command, which may have several lines, and return what it prints."""
        self._terminal.type(f"{command}\n")
        return self._terminal.expect(rf"(?s)\A(.*?){re.escape(PROMPT)}\Z")[1]

    def enter(self, command: str) -> None:
        """Type a command that opens another shell, and have that prompt in the same way."""
        self._terminal.type(f"{command}\n")
        self._terminal.expect(r"[#$] \Z")
        self.prepare()

    def leave(self) -> None:
        """Leave a shell that ``enter`` opened."""
        self.run("exit")

    def prepare(self) -> None:
        """Have the shell print its prompt, and what its commands print, but not what is typed."""
        # In two parts, so that what is typed is not taken for the prompt.
        prompt = f"'{PROMPT[:2]}''{PROMPT[2:]}'"
        self._terminal.type(f"stty -echo; bind 'set enable-bracketed-paste off'; unset PROMPT_COMMAND; PS1={prompt}\n")
        self._terminal.expect(rf"{re.escape(PROMPT)}\Z")


@contextmanager
def node_shell(commands: ClusterCommands, folder: Path, *arguments: str) -> Iterator[NodeShell]:
    """Have a shell on a node for the length of the block, in ``folder``."""
    env = {**commands.env, "HOME": str(folder), "SHELL": "/bin/bash", "TERM": "dumb"}
    argv = [*KUBESVC, "shell", "--name", commands.name, *arguments]
    with Terminal(argv, env, folder, is_tty=True, size=(50, 200)) as terminal:
        terminal.expect(r"[#$] \Z")
        shell = NodeShell(terminal)
        shell.prepare()
        yield shell
        terminal.type("exit 7\n")
        assert terminal.wait() == 7

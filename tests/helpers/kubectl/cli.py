"""The real kubectl, as a user types it: found on this machine, run with a home and a kubeconfig of its own.

Every command is printed with its answer, so that `pytest -s` reads like a terminal. A session is such a transcript
with the commands after ``$ `` and the answers below them; what differs from run to run has a name in angle brackets.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

from tests.helpers.cluster.cli import ClusterCommands
from tests.helpers.kubectl.terminal import Terminal
from tests.helpers.patience import PATIENCE

PREFERRED = (1, 32)
"""The first version that posts protobuf, and the one whose words the tests hold."""

Version = tuple[int, int]

OVER_WEBSOCKET = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "true"}
OVER_SPDY = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false"}
"""Has exec and attach of kubectl 1.31 to 1.33 go over SPDY: over a WebSocket they read before they have made their
streams, and drop what comes first (client-go 0.31 to 0.33; kubernetes/kubernetes#131203 mends 0.34). A test over a
WebSocket has its first output wait for the input, which is sent when the streams are there."""

SHAPES = {
    "age": r"(?:\d+y)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?",
    "ip": r"127\.\d+\.\d+\.\d+",
    "suffix": "[bcdfghjklmnpqrstvwxz2456789]{5}",
    "hash": "[bcdfghjklmnpqrstvwxz2456789]{8,10}",
    "uid": "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "stamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z",
    "date": r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}",
    "number": r"\d+",
    "word": r"\S+",
}
"""What a name in angle brackets stands for; ``...`` is anything within a line, and any lines where it stands alone."""

_STATUS = re.compile(r"\[\d+\]")


def find_kubectls() -> dict[Version, Path]:
    """Return every kubectl by version: the pinned ones of a Google Cloud SDK where `kubectl` leads there, else that."""
    path = shutil.which("kubectl")
    if path is None:
        return {}
    pinned = {}
    for each in Path(path).resolve().parent.glob("kubectl.1.*"):
        if each.suffix[1:].isdecimal() and os.access(each, os.X_OK):
            pinned[(1, int(each.suffix[1:]))] = each
    return pinned or {_version_of(Path(path)): Path(path)}


def preferred(found: Collection[Version]) -> Version:
    """Return the version for what every version does alike."""
    return PREFERRED if PREFERRED in found else max(found)


def _version_of(binary: Path) -> Version:
    said = subprocess.run(
        [binary, "version", "--client", "-o", "json"], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    version = json.loads(said.stdout)["clientVersion"]
    return int(version["major"]), int(version["minor"].rstrip("+"))


def kubeconfig_of(cluster: ClusterCommands) -> Path:
    """Return the file that `kubesvc up` has told its user to export."""
    found = re.search(r"^export KUBECONFIG=(\S+)$", cluster.started.stdout, re.MULTILINE)
    assert found, cluster.started.stdout
    return Path(found[1].strip("'"))


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it printed."""

    command: str
    status: int
    out: str
    err: str

    @property
    def everything(self) -> str:
        """What a terminal would have shown, but for the order of the two streams."""
        return self.out + self.err


@dataclass(frozen=True)
class Kubectl:
    """One kubectl binary with a home, a kubeconfig and a working directory. Called, it runs a command line."""

    version: Version
    binary: Path
    home: Path
    kubeconfig: Path
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    """Names to be put into command lines and answers, such as ``<pod>``."""

    @property
    def env(self) -> dict[str, str]:
        """The environment of a command."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KUBE")}
        return {
            **kept,
            "HOME": str(self.home),
            "KUBECONFIG": str(self.kubeconfig),
            "TZ": "UTC",
            "TMPDIR": str(self.folder),
            **OVER_SPDY,
        }

    def __call__(
        self, line: str, *, stdin: str = "", status: int | None = 0, env: Mapping[str, str] | None = None
    ) -> Said:
        """Run ``kubectl ...`` to its end; ``status`` None takes any exit status."""
        said = self._run(line, stdin, subprocess.PIPE, env)
        _print(line, said.everything, said.status)
        if status is not None and said.status != status:
            message = f"$ {line}\nexit status {said.status} instead of {status}\n{said.everything}"
            raise AssertionError(message)
        return said

    def json(self, line: str) -> dict[str, object]:
        """Return the JSON document that a command prints."""
        document: dict[str, object] = json.loads(self(f"{line} -o json").out)
        return document

    def session(self, transcript: str, *, env: Mapping[str, str] | None = None) -> None:
        """Run the commands of a transcript; every answer, error output included, must be as written there.

        A last line ``[1]`` is the exit status; without one it must be 0. Blanks between columns are not counted, and an
        answer need not end in a new line.
        """
        for line, expected in _commands(self.fill(transcript)):
            said = self._run(line, "", subprocess.STDOUT, env)
            _print(line, said.out, said.status)
            got = said.out if said.out.endswith("\n") or not said.out else f"{said.out}\n"
            got += f"[{said.status}]\n" if said.status else ""
            if not re.fullmatch(pattern(expected), got):
                message = f"$ {line}\n--- expected\n{expected}--- got\n{got}"
                raise AssertionError(message)

    def fill(self, text: str) -> str:
        """Return the text with the variables put in."""
        for name, value in self.variables.items():
            text = text.replace(f"<{name}>", value)
        return text

    def terminal(self, line: str, *, is_tty: bool = True) -> Terminal:
        """Start a command in a terminal of its own, or with pipes; to be used as a context."""
        sys.stdout.write(f"$ {line}\n")
        return Terminal(self._argv(line), self.env, self.folder, is_tty=is_tty)

    def write(self, name: str, text: str) -> Path:
        """Write a file where the commands run."""
        file = self.folder / name
        file.write_text(text)
        return file

    def _argv(self, line: str) -> list[str]:
        program, *arguments = shlex.split(self.fill(line))
        assert program == "kubectl", line
        # `kubectl wait` gives up after 30 s by itself, however patient the tests are.
        if arguments[0] == "wait" and not any(each.startswith("--timeout") for each in arguments):
            arguments.append(f"--timeout={PATIENCE // 2}s")
        return [str(self.binary), *arguments]

    def _run(self, line: str, stdin: str, stderr: int, env: Mapping[str, str] | None) -> Said:
        result = subprocess.run(
            self._argv(line),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**self.env, **(env or {})},
            cwd=self.folder,
            timeout=PATIENCE,
            check=False,
        )
        return Said(line, result.returncode, result.stdout, result.stderr or "")


def _print(line: str, answer: str, status: int) -> None:
    """Print a command and its answer in one piece: commands may run at the same time."""
    end = "" if answer.endswith("\n") or not answer else "\n"
    sys.stdout.write(f"$ {line}\n{answer}{end}" + (f"[{status}]\n" if status else ""))


def _commands(transcript: str) -> list[tuple[str, str]]:
    """Return the command lines of a transcript, each with the answer that is expected."""
    found: list[tuple[str, list[str]]] = []
    for line in dedent(transcript).strip("\n").split("\n"):
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            assert found, f"a transcript begins with '$ ', not with {line!r}"
            found[-1][1].append(line)
    return [(command, "".join(f"{line}\n" for line in lines)) for command, lines in found]


def pattern(expected: str) -> str:
    """Return the regular expression of an expected answer."""
    found = ""
    for line in expected.splitlines():
        found += r"(?:.*\n)*?" if line.strip() == "..." else _line_pattern(line) + r" *\n"
    return found


def _line_pattern(line: str) -> str:
    if _STATUS.fullmatch(line):
        return re.escape(line)
    found = ""
    for part in re.split(r"(<\w+>| {2,}|\.\.\.)", line.rstrip()):
        if part.startswith("<") and part[1:-1] in SHAPES:
            found += SHAPES[part[1:-1]]
        elif part == "...":
            found += ".*"
        elif part.startswith("  "):
            found += " {2,}"
        else:
            found += re.escape(part)
    return found


def read_table(text: str) -> list[dict[str, str]]:
    """Return the rows of a table by column, and assert that it is laid out as kubectl does: three blanks between."""
    lines = text.splitlines()
    heads = [(match.start(), match[0]) for match in re.finditer(r"\S+(?: \S+)*", lines[0])]
    starts = [start for start, _ in heads]
    rows = []
    for line in lines:
        cells = [line[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]
        assert all(cell[-3:] == "   " and cell[:1] != " " for cell in cells[:-1]), (line, lines[0])
        rows.append([cell.rstrip() for cell in cells])
    for index, (start, following) in enumerate(itertools.pairwise(starts)):
        assert max(len(row[index]) for row in rows) + 3 == following - start, text
    return [dict(zip((name for _, name in heads), row, strict=True)) for row in rows[1:]]

"""Commands in containers' file systems, without the kubelet and its agent: as every user that these tests may be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import kubelet
from kubelet.spec.sandbox import Root

USERS = (os.getuid(), 65534) if os.getuid() == 0 else (os.getuid(),)
"""Root can be an ordinary user too."""
DEFAULT_CAPABILITIES = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)
NOT_MADE = 125
"""The exit status of a container that could not be made; stderr says why."""


class Outcome(NamedTuple):
    """How a command ended, and what it wrote; ``out`` without the last line feed."""

    code: int
    out: str
    error: str


class Output:
    """A pipe of ``user``'s own, as a kubelet's pipes are; what is written waits there for ``read``."""

    def __init__(self, user: int) -> None:
        self._reading, self.writing = os.pipe()
        os.fchown(self.writing, user, -1)

    def read(self) -> str:
        """Return everything that is written, once all writers are gone."""
        os.close(self.writing)
        with os.fdopen(self._reading) as reading:
            return reading.read()


class ContainerPlace:
    """A folder that ``user`` owns, outside of any folder that is closed to it, and what runs in containers there."""

    def __init__(self, folder: Path, user: int) -> None:
        self.folder = folder
        self.user = user
        self._sources = folder / "sources"
        packages = Path(kubelet.__file__).parent.parent
        for name in ("kubelet/spec", "kubelet/sandbox", "kubehost"):
            shutil.copytree(packages / name, self._sources / name)
        shutil.copy(packages / "kubelet" / "__init__.py", self._sources / "kubelet")
        shutil.copy(Path(__file__).with_name("container_process.py"), self._sources)
        folder.chmod(0o755)

    def make(self, path: str, text: str | None = None, mode: int | None = None) -> str:
        """Make a file, or a folder without ``text``; return its path."""
        made = self.folder / path
        made.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            made.mkdir(exist_ok=True)
        else:
            made.write_text(text)
        if mode is not None:
            made.chmod(mode)
        for each in (made, *made.parents):
            if each.is_relative_to(self.folder):
                os.chown(each, self.user, self.user if self.user != os.getuid() else -1)
        return str(made)

    def run(self, root: Root, *command: str) -> Outcome:
        """Run a command in a container with this root."""
        fields = {"capabilities": DEFAULT_CAPABILITIES, **root._asdict()}
        fields["capabilities"] = root.capabilities or DEFAULT_CAPABILITIES
        is_other = self.user != os.getuid()
        out, error = Output(self.user), Output(self.user)
        with subprocess.Popen(
            [self._python(), str(self._sources / "container_process.py"), json.dumps(fields), *command],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(self._sources)},
            user=self.user if is_other else None,
            group=self.user if is_other else None,
            extra_groups=[] if is_other else None,
            stdout=out.writing,
            stderr=error.writing,
        ) as process:
            said = out.read().rstrip("\n"), error.read()
            return Outcome(process.wait(timeout=60), *said)

    def sh(self, root: Root, script: str) -> Outcome:
        """Run a shell script in a container with this root."""
        return self.run(root, "sh", "-c", script)

    def _python(self) -> str:
        return sys.executable if self.user == os.getuid() else shutil.which("python3", path="/usr/bin") or "python3"

"""Writes a cluster's own kubeconfig, and merges it into the user's kubeconfig and removes it there again.

The user's file is edited as a YAML tree, so that every value keeps its form; comments are lost, as when kubectl writes
it. It is locked as kubectl does (client-go ``tools/clientcmd``: a file NAME.lock).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kubehost.io.privatefiles import write_private

UNREACHABLE = Path(__file__).with_name("unreachable.kubeconfig")
"""A kubeconfig for no cluster: the name of its server, which kubectl's error shows, ends in .invalid (RFC 6761)."""
LOCK_SECONDS = 3.0
"""How long to wait for another program's lock of the user's file."""
_LOCK_PAUSE = 0.05
_LISTS = ("clusters", "users", "contexts")
_NULL = "tag:yaml.org,2002:null"


class MergeError(Exception):
    """The user's kubeconfig cannot be changed; the text says why."""


def context_name(cluster: str) -> str:
    """Return the name of a cluster's entries: context, cluster and user."""
    return "kubesvc" if cluster == "default" else f"kubesvc-{cluster}"


def export_line(path: Path) -> str:
    """Return the shell command that makes kubectl use this file."""
    return f"export KUBECONFIG={shlex.quote(str(path))}"


class Kubeconfig(NamedTuple):
    """The connection data of one cluster. ``authority`` is the CA certificate in PEM."""

    name: str
    server: str
    authority: str
    token: str

    def entries(self) -> dict[str, dict[str, Any]]:
        """Return the entry for each list of a kubeconfig: clusters, users, contexts."""
        authority = base64.b64encode(self.authority.encode()).decode()
        return {
            "clusters": {
                "name": self.name,
                "cluster": {"certificate-authority-data": authority, "server": self.server},
            },
            "users": {"name": self.name, "user": {"token": self.token}},
            "contexts": {
                "name": self.name,
                "context": {"cluster": self.name, "user": self.name, "namespace": "default"},
            },
        }

    def text(self) -> str:
        """Return a kubeconfig with this cluster alone, as JSON, which is YAML too."""
        lists = {name: [entry] for name, entry in self.entries().items()}
        document = {"apiVersion": "v1", "kind": "Config", "current-context": self.name, **lists}
        return json.dumps(document, indent=2) + "\n"


def merge(path: Path, added: Kubeconfig, note: Path) -> None:
    """Add a cluster to the user's file and make it the current context; writes to ``note`` how to undo that.

    A note that a crashed run has left is undone first. MergeError, OSError.
    """
    take_out(note)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path) as target:
        text, before = merged(_read(target), added)
        write_private(note, json.dumps({"path": str(path), "name": added.name, "before": before}))
        write_private(target, text)


def take_out(note: Path) -> None:
    """Undo the change that ``note`` describes, if it exists. MergeError, OSError."""
    try:
        noted = json.loads(note.read_text())
        path, name, before = Path(noted["path"]), str(noted["name"]), str(noted["before"])
    except FileNotFoundError:
        return
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its text is damaged"
        message = f"the note about your kubeconfig's change cannot be read: {note} ({reason}); check and remove it"
        raise MergeError(message) from None
    if path.exists():
        with _locked(path) as target:
            text = _read(target)
            left = without(text, name, before)
            if left != text:
                write_private(target, left)
    note.unlink()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise MergeError("this is not UTF-8 text") from None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[Path]:
    """Hold kubectl's lock of a file; yields the file with links resolved. Adds the path to a MergeError."""
    target = path.resolve()
    lock = path.with_name(f"{path.name}.lock")
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            break
        except FileExistsError:
            if time.monotonic() > deadline:
                message = f"{path} is locked; if no kubectl is writing it, remove {lock}"
                raise MergeError(message) from None
            time.sleep(_LOCK_PAUSE)
    try:
        yield target
    except MergeError as error:
        message = f"{path}: {error}"
        raise MergeError(message) from None
    finally:
        lock.unlink(missing_ok=True)


def merged(text: str, added: Kubeconfig) -> tuple[str, str]:
    """Return the file with the cluster added and current, and the context that was current before. Pure; MergeError."""
    tree = _Tree(text)
    tree.remove(added.name)
    for name, entry in added.entries().items():
        tree.append(name, entry)
    before = tree.current_context
    tree.current_context = added.name
    return tree.text(), "" if before == added.name else before


def without(text: str, name: str, before: str) -> str:
    """Return the file without the cluster; if it was current, ``before`` becomes current. Pure; MergeError."""
    tree = _Tree(text)
    is_changed = tree.remove(name)
    if tree.current_context == name:
        tree.current_context, is_changed = before, True
    return tree.text() if is_changed else text


class _Tree:
    """A kubeconfig as PyYAML's nodes, so that unchanged values are written as they were read."""

    def __init__(self, text: str) -> None:
        # Imported here, because PyYAML is slow to import and few runs need it.
        import yaml

        self._yaml = yaml
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            message = f"the kubeconfig cannot be read: {str(error).splitlines()[0]}"
            raise MergeError(message) from None
        if root is None:
            root = self._node({"apiVersion": "v1", "kind": "Config"})
        if not isinstance(root, yaml.MappingNode):
            raise MergeError("the kubeconfig is not a YAML mapping")
        self._root = root
        for name in _LISTS:
            self._check(name, yaml.SequenceNode, "a list")
        self._check("current-context", yaml.ScalarNode, "a string")

    def _node(self, value: object) -> Any:
        return self._yaml.compose(self._yaml.safe_dump(value, sort_keys=False), Loader=self._yaml.SafeLoader)

    def _check(self, name: str, kind: type, what: str) -> None:
        """Raise MergeError for a value that kubectl would refuse too, rather than replace the user's text."""
        node = self._find(name)
        if node is not None and not isinstance(node, kind) and node.tag != _NULL:
            message = f"line {node.start_mark.line + 1}: {name} must be {what}; fix the file, kubectl refuses it too"
            raise MergeError(message)

    def _find(self, name: str) -> Any:
        return next((value for key, value in self._root.value if key.value == name), None)

    def _set(self, name: str, node: Any) -> None:
        kept = [(key, value) for key, value in self._root.value if key.value != name]
        self._root.value = [*kept, (self._node(name), node)]

    @property
    def current_context(self) -> str:
        """The name of the current context, "" when there is none."""
        node = self._find("current-context")
        return node.value if isinstance(node, self._yaml.ScalarNode) else ""

    @current_context.setter
    def current_context(self, name: str) -> None:
        self._set("current-context", self._node(name))

    def remove(self, name: str) -> bool:
        """Remove the entries of that name from every list; True if there were any."""
        is_changed = False
        for each in _LISTS:
            node = self._find(each)
            if isinstance(node, self._yaml.SequenceNode):
                kept = [entry for entry in node.value if self._name_of(entry) != name]
                is_changed = is_changed or len(kept) < len(node.value)
                node.value = kept
                node.flow_style = node.flow_style and bool(kept)
        return is_changed

    def _name_of(self, entry: Any) -> str:
        if not isinstance(entry, self._yaml.MappingNode):
            return ""
        return next((str(value.value) for key, value in entry.value if key.value == "name"), "")

    def append(self, name: str, entry: dict[str, Any]) -> None:
        """Put an entry at the end of a list."""
        node = self._find(name)
        if not isinstance(node, self._yaml.SequenceNode):
            self._set(name, self._node([entry]))
            return
        if not node.value:
            node.flow_style = False
        node.value.append(self._node(entry))

    def text(self) -> str:
        """Return the file."""
        return str(self._yaml.serialize(self._root, Dumper=self._yaml.SafeDumper))

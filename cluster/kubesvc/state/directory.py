"""Where a cluster lives on disk: one directory per cluster name under ``$XDG_STATE_HOME/kubesvc``.

The lock is the kernel's (fcntl), so a crash leaves nothing that blocks the next start. Follows the XDG Base
Directory Specification 0.8. Paths of sockets go through ``/proc/self/fd`` because sun_path ends at 108 bytes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kubehost.folders import remove_folder

_FLOCK = "hhqqi"
"""struct flock of a 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid."""

_RUNNING, _CLEANING = 0, 1
"""Bytes of the lock file: byte 0 is locked by the running cluster, byte 1 during a clean-up, which blocks starts."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


_held: set[Path] = set()
"""Lock files that this process has locked. The kernel grants a process its own lock again, and drops it when any
descriptor of the file is closed (fcntl_locking(2))."""


class AlreadyRunningError(Exception):
    """A cluster of this name runs already; the text names its process and the remedy."""


class StateDirectory:
    """The files of one cluster. They are created when they are first needed, readable by their owner alone."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.path = root / name

    @property
    def option(self) -> str:
        """The option that names this cluster on a command line, after a space; "" for the default cluster."""
        return "" if self.name == "default" else f" --name {self.name}"

    @property
    def control_socket(self) -> Path:
        """The control socket."""
        return self.path / "control.sock"

    @property
    def _lock(self) -> Path:
        return self.path / "lock"

    @property
    def log(self) -> Path:
        """The log: tracebacks, warnings of libraries, and all output of a detached cluster."""
        return self.path / "kubesvc.log"

    @property
    def pod_logs(self) -> Path:
        """Logs of containers, kept as long as their pods."""
        return self.path / "pods"

    @property
    def work(self) -> Path:
        """Files that running pods need (generated configurations); removed at the next start."""
        return self.path / "work"

    @property
    def database(self) -> Path:
        """The database with the cluster's objects."""
        return self.path / "cluster.db"

    @property
    def lost(self) -> Path:
        """Objects of the database that could not be read, one line of JSON each."""
        return self.path / "lost.jsonl"

    @property
    def kubeconfig(self) -> Path:
        """The cluster's kubeconfig."""
        return self.path / "kubeconfig"

    @property
    def merge_note(self) -> Path:
        """The change to the user's own kubeconfig that is to be undone."""
        return self.path / "merged.json"

    @property
    def token(self) -> Path:
        """The API server's bearer token."""
        return self.path / "token"

    @property
    def certificate(self) -> Path:
        """The API server's key and certificates."""
        return self.path / "apiserver.pem"

    @property
    def hosts(self) -> Path:
        """The /etc/hosts of the nodes, which `kubesvc shell` shows."""
        return self.path / "hosts"

    @property
    def api_port(self) -> Path:
        """The API server's last port."""
        return self.path / "apiserver.port"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock; AlreadyRunningError if another process has it, OSError if the directory cannot be used.

        A POSIX record lock: a forked child does not inherit it, so the process that stays must take it. A clean-up by
        another process is waited for; it takes no longer than killing some processes.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)
        if self._lock in _held:
            raise self._already_running(os.getpid())
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX, 1, _CLEANING)
            self._take(lock, _RUNNING)
            fcntl.lockf(lock, fcntl.LOCK_UN, 1, _CLEANING)
            _held.add(self._lock)
            yield
        finally:
            _held.discard(self._lock)
            os.close(lock)

    @contextmanager
    def cleaning(self) -> Iterator[None]:
        """Block starts during a clean-up; AlreadyRunningError if a cluster runs or another clean-up does."""
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take(lock, _CLEANING)
            if _lock_owner(lock) is not None:
                raise AlreadyRunningError(f'cluster "{self.name}" is already running')
            yield
        finally:
            os.close(lock)

    def _take(self, lock: int, byte: int) -> None:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise self._already_running(_lock_owner(lock)) from None

    def _already_running(self, owner: int | None) -> AlreadyRunningError:
        return AlreadyRunningError(
            f'cluster "{self.name}" is already running{f" (pid {owner})" if owner else ""}: '
            f"stop it with `kubesvc down --name {self.name}`, or give this one another --name"
        )

    def purge(self) -> None:
        """Delete everything; only the owner of the lock may call this. OSError.

        For others it is gone at once: a lock file that they make anew meanwhile would keep half of it.
        """
        gone = self.path.with_name(f".{self.name}.{os.getpid()}")
        self.path.rename(gone)
        if not remove_folder(gone):
            gone.rename(self.path)

    def sweep(self) -> None:
        """Remove the files of the last run; only the owner of the lock may call this. OSError."""
        for path in (self.control_socket, self.work):
            if path.is_dir() and not path.is_symlink():
                remove_folder(path)
            else:
                path.unlink(missing_ok=True)

    def open_log(self) -> int:
        """Truncate the log and return its descriptor; only the owner of the lock may call this."""
        return os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def owner(self) -> int | None:
        """Return the process that holds the lock, None when nobody does, 0 when it is in another container."""
        if self._lock in _held:
            # Opening and closing the lock file here would drop this process' own lock.
            return os.getpid()
        try:
            # Read-only, so that it works in a directory that cannot be written to.
            lock = os.open(self._lock, os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return None
        try:
            return _lock_owner(lock)
        finally:
            os.close(lock)

    def bind_socket(self) -> socket.socket:
        """Return the control socket, bound; only the owner of the lock may call this. OSError."""
        self.control_socket.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with self._short_path() as path:
                listener.bind(path)
            self.control_socket.chmod(0o600)
        except BaseException:
            listener.close()
            raise
        return listener

    def connect_socket(self, timeout: float | None) -> socket.socket:
        """Return a connection to the running cluster, with ``timeout`` in seconds for each operation; OSError."""
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(timeout)
        try:
            with self._short_path() as path:
                client.connect(path)
        except BaseException:
            client.close()
            raise
        return client

    @contextmanager
    def _short_path(self) -> Iterator[str]:
        directory = os.open(self.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield f"/proc/self/fd/{directory}/{self.control_socket.name}"
        finally:
            os.close(directory)


def _lock_owner(lock: int) -> int | None:
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, _RUNNING, 1, 0)
    kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(lock, fcntl.F_GETLK, asked))
    return None if kind == fcntl.F_UNLCK else int(pid)


def is_cluster_name(name: str) -> bool:
    """Tell whether ``name`` may name a cluster: a DNS-1123 label, since it becomes a directory and a context."""
    return _NAME.fullmatch(name) is not None


def state_root(environ: Mapping[str, str]) -> Path:
    """Return the directory that holds the clusters' directories."""
    configured = environ.get("XDG_STATE_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path(environ.get("HOME", "/")) / ".local" / "state"
    return base / "kubesvc"

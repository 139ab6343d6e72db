"""Takes a program into the network of a cluster: as on a node, but with the files of this machine.

This process enters the user, network and PID namespaces of the cluster's agent, and forks: the child gets mount and UTS
namespaces of its own and becomes the program, this process waits for it. So the program has the terminal, its signals
and its exit status are its own, and the kernel ends it with the cluster.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from kubehost.io.namespaces import (
    MS_BIND,
    MS_REC,
    MS_SLAVE,
    NEWNET,
    NEWNS,
    NEWPID,
    NEWUSER,
    NEWUTS,
    PR_SET_PDEATHSIG,
    mount,
    prctl,
    set_hostname,
    setns,
    unshare,
)
from kubesvc.shell.entrance import Entrance
from kubesvc.shell.files import nsswitch_conf, resolv_conf

NOT_FOUND, NOT_EXECUTABLE, KILLED = 127, 126, 137
"""Exit statuses of a shell for a command that is not there or cannot be run, and for a killed one."""
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_OF_THE_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
_CACHES = ("/var/run/nscd",)
"""Sockets of name caches of the machine, which the C library would ask before DNS."""


class EnteringError(Exception):
    """The cluster's network cannot be entered; the text says why."""


class Visit(NamedTuple):
    """A program in the cluster: on ``node``, with ``environment``; as the user's own id or as root there.

    Short names are those of ``namespace``.
    """

    command: Sequence[str]
    node: str
    environment: Mapping[str, str]
    keeps_user: bool
    namespace: str = "default"


def visit(entrance: Entrance, visit: Visit) -> int:
    """Run a program in the cluster and return its exit status; ends as the program does if a signal ends it."""
    user, group = os.getuid(), os.getgid()
    mounts = _write_files(entrance, visit)
    try:
        agent = os.pidfd_open(entrance.agent)
        setns(agent, NEWUSER)
        setns(agent, NEWNET | NEWPID)
    except OSError as error:
        message = f"the network of the cluster cannot be entered: {error.strerror}"
        raise EnteringError(message) from error
    # Before the program starts: it may be the first to change the terminal.
    with _terminal():
        status = _run(visit, mounts, (user, group) if visit.keeps_user and user else None)
    return _end_alike(status, agent)


def _run(visit: Visit, mounts: Mapping[str, str], ids: tuple[int, int] | None) -> int:
    """Run the program in a child, wait for it as a shell for its job, and return its wait status."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, (*_FORWARDED, *_OF_THE_TERMINAL))
    child = os.fork()
    if child == 0:
        for number in _IGNORED_BY_PYTHON:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _become(visit, mounts, ids)
    _share_signals(child)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return os.waitpid(child, 0)[1]


def _write_files(entrance: Entrance, visit: Visit) -> dict[str, str]:
    """Write what the program sees in /etc; returns the file of this machine by its path there."""
    folder = Path(entrance.folder, "nodes", visit.node, visit.namespace)
    folder.mkdir(parents=True, exist_ok=True)
    names = resolv_conf(entrance.dns_address, entrance.zone, visit.namespace)
    texts = {"resolv.conf": names, "hostname": f"{visit.node}\n"}
    with contextlib.suppress(OSError):
        texts["nsswitch.conf"] = nsswitch_conf(Path("/etc/nsswitch.conf").read_text())
    mounts = {"/etc/hosts": entrance.hosts}
    for name, text in texts.items():
        if not text:
            continue
        file = folder / name
        # Other programs may be reading the same file.
        if not file.is_file() or file.read_text() != text:
            file.write_text(text)
        mounts[f"/etc/{name}"] = str(file)
    return mounts


def _become(visit: Visit, mounts: Mapping[str, str], ids: tuple[int, int] | None) -> NoReturn:
    try:
        try:
            _settle(visit.node, mounts)
            if ids is not None:
                _become_user(*ids)
            # A change of ids would forget it.
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        except OSError as error:
            _fail(f"the node {visit.node} cannot be entered: {error.strerror}", NOT_EXECUTABLE)
        os.execvpe(visit.command[0], list(visit.command), dict(visit.environment))  # noqa: S606 - no shell is wanted
    except OSError as error:
        command = visit.command[0]
        # A folder of $PATH that this user may not search is as one without the program.
        if "/" not in command and isinstance(error, (FileNotFoundError, PermissionError)):
            _fail(f"{command}: command not found", NOT_FOUND)
        _fail(f"{command}: {error.strerror}", NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE)
    finally:
        os._exit(NOT_EXECUTABLE)


def _settle(node: str, mounts: Mapping[str, str]) -> None:
    """Give this process a host name and a file system of its own. OSError."""
    if os.geteuid() != 0:
        # Root in another user's cluster has no id there: the cluster's root is that user.
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    unshare(NEWNS | NEWUTS)
    mount("", "/", flags=MS_REC | MS_SLAVE)
    set_hostname(node)
    with contextlib.suppress(OSError):  # where parts of /proc are hidden, the machine's stays
        mount("proc", "/proc", "proc")
    for path, source in mounts.items():
        _bind(source, path)
    for path in filter(os.path.isdir, _CACHES):
        mount("tmpfs", path, "tmpfs")


def _bind(source: str, path: str) -> None:
    """Show the file ``source`` at ``path``; at the target, if that is a link."""
    target = os.path.realpath(path)
    try:
        mount(source, target, flags=MS_BIND)
    except OSError as error:
        sys.stderr.write(f"kubesvc: {path} is the machine's own: {error.strerror}\n")
        sys.stderr.flush()


def _become_user(user: int, group: int) -> None:
    """Become the user again, without privileges, in a user namespace in which the cluster's root is the user."""
    unshare(NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} 0 1\n")
    Path("/proc/self/gid_map").write_text(f"{group} 0 1\n")


def _fail(text: str, status: int) -> NoReturn:
    sys.stderr.write(f"kubesvc: {text}\n")
    sys.stderr.flush()
    os._exit(status)


def _share_signals(child: int) -> None:
    for number in _OF_THE_TERMINAL:
        # The terminal sends these to the program too, which decides.
        signal.signal(number, signal.SIG_IGN)
    for number in _FORWARDED:
        signal.signal(number, lambda number, _: _send(child, number))


def _end_alike(status: int, agent: int) -> int:
    """Return the program's exit status; end by the signal that ended it."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return code
    if -code == signal.SIGKILL and select.select([agent], [], [], 0.2)[0]:
        sys.stderr.write("kubesvc: the cluster has ended\n")
        return KILLED
    if -code != signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    return 128 - code


def _send(child: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, number)


@contextlib.contextmanager
def _terminal() -> Iterator[None]:
    """Take the terminal back afterwards as it was, if this process's group had it.

    A shell leaves it to a group that is gone; one that is killed leaves it without echo.
    """
    try:
        had_it = os.tcgetpgrp(0) == os.getpgrp()
        state = termios.tcgetattr(0)
    except (OSError, termios.error):
        had_it, state = False, []
    try:
        yield
    finally:
        if had_it:
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            with contextlib.suppress(OSError, termios.error):
                os.tcsetpgrp(0, os.getpgrp())
                termios.tcsetattr(0, termios.TCSADRAIN, state)

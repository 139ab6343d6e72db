"""A user namespace in which this process is root, with as many ids as its user may have.

Root gets every id as it is. An ordinary user becomes root, with the subordinate ids that ``newuidmap`` allows (see
subuid(5)) or with no other id at all. See user_namespaces(7).
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from kubehost.io.namespaces import NEWUSER, unshare
from kubelet.sandbox.idmaps import identity_map, subordinate_span

_MAPS = (("uid_map", "/etc/subuid", "newuidmap"), ("gid_map", "/etc/subgid", "newgidmap"))


def enter_user_namespace() -> None:
    """Take this single-threaded process into a new user namespace, as its root. OSError.

    A helper that stays outside writes the maps: only it may have the privilege that more than one id needs.
    """
    ready, tell = os.pipe2(os.O_CLOEXEC)
    said, say = os.pipe2(os.O_CLOEXEC)
    helper = os.fork()
    if helper == 0:
        _write_maps_of_parent(ready, tell, say)
    os.close(say)
    try:
        unshare(NEWUSER)
        os.write(tell, b"!")
    finally:
        os.close(ready)
        os.close(tell)
        refusal = os.read(said, 4096).decode()
        os.close(said)
        os.waitpid(helper, 0)
    if refusal:
        number, _, text = refusal.partition(" ")
        raise OSError(int(number), text)


def _write_maps_of_parent(ready: int, tell: int, say: int) -> None:
    os.close(tell)
    try:
        if os.read(ready, 1):
            _write_maps(os.getppid())
    except OSError as error:
        os.write(say, f"{error.errno or 1} user namespace: {error.filename or ''} {error.strerror}".encode())
    finally:
        os._exit(0)


def _write_maps(pid: int) -> None:
    if os.geteuid() == 0 and _write_identity(pid):
        return
    for (name, file, program), own in zip(_MAPS, (os.geteuid(), os.getegid()), strict=True):
        span = _subordinate_ids(file)
        if span is not None and _run(program, [str(pid), "0", str(own), "1", "1", *span]):
            continue
        if name == "gid_map":
            Path(f"/proc/{pid}/setgroups").write_text("deny")
        Path(f"/proc/{pid}/{name}").write_text(f"0 {own} 1\n")


def _write_identity(pid: int) -> bool:
    """Map every id to itself; return False to a root without the privilege, as in some containers."""
    try:
        for name, _, _ in _MAPS:
            Path(f"/proc/{pid}/{name}").write_text(identity_map(Path(f"/proc/self/{name}").read_text()))
    except PermissionError:
        return False
    return True


def _subordinate_ids(file: str) -> tuple[str, str] | None:
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
        return subordinate_span(Path(file).read_text(), name, os.geteuid())
    except (OSError, KeyError):
        return None


def _run(program: str, arguments: list[str]) -> bool:
    """Run a program without a word, which is not installed everywhere; return whether it succeeds."""
    try:
        child = os.posix_spawnp(program, [program, *arguments], os.environ, file_actions=[(os.POSIX_SPAWN_CLOSE, 2)])
    except OSError:
        return False
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

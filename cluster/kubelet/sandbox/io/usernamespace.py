"""A user namespace in which this process is root, with as many ids as its user may have.

Root gets every id as it is. An ordinary user becomes root, with the subordinate ids that ``newuidmap`` allows (see
subuid(5)) or with no other id at all. See user_namespaces(7).
"""

from __future__ import annotations

import contextlib
import os
import pwd
from pathlib import Path

from kubehost.io.namespaces import NEWUSER, unshare

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
    ids = (os.geteuid(), os.getegid())
    if ids[0] == 0:
        with contextlib.suppress(OSError):  # a root without the privilege, as in some containers
            for name, _, _ in _MAPS:
                Path(f"/proc/{pid}/{name}").write_text(_identity(Path(f"/proc/self/{name}").read_text()))
            return
    elif _has_subordinate_ids(pid):
        return
    Path(f"/proc/{pid}/setgroups").write_text("deny")
    for (name, _, _), own in zip(_MAPS, ids, strict=True):
        Path(f"/proc/{pid}/{name}").write_text(f"0 {own} 1\n")


def _identity(own_map: str) -> str:
    """Return the map in which every id that this process's namespace has is itself."""
    rows = (line.split() for line in own_map.splitlines())
    return "".join(f"{first} {first} {count}\n" for first, _, count in rows)


def _has_subordinate_ids(pid: int) -> bool:
    """Have the user's subordinate ids mapped, the first one as 1, the user as 0; False if there are none."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return False
    commands = []
    for own, (_, file, program) in zip((os.geteuid(), os.getegid()), _MAPS, strict=True):
        span = _subordinate_span(file, name)
        if span is None:
            return False
        commands.append((program, [program, str(pid), "0", str(own), "1", "1", *span]))
    return all(_run(program, arguments) for program, arguments in commands)


def _subordinate_span(file: str, name: str) -> tuple[str, str] | None:
    with contextlib.suppress(OSError, ValueError):
        for line in Path(file).read_text().splitlines():
            user, first, count = line.strip().split(":")
            if user in (name, str(os.geteuid())):
                return first, count
    return None


def _run(program: str, arguments: list[str]) -> bool:
    try:
        child = os.posix_spawnp(program, arguments, os.environ, file_actions=[(os.POSIX_SPAWN_CLOSE, 2)])
    except OSError:
        return False
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

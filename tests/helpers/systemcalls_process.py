"""Counts the system calls of a process, to be run as a process of its own: what strace does, for machines without it.

``python -m tests.helpers.systemcalls_process COMMAND...`` runs the command and, once told to, traces its threads, not
its child processes. Each line on stdin is answered with one line of JSON:

- ``trace``: from now on;
- ``count``: the calls since the last time by their names, once the process waits for events and none comes; those
  after a wait without any event are ``timers``;
- ``hold``: once it waits for events; at the next one it stands still, and what comes meanwhile it will see at once;
- ``release``: let it go on, once it has been held;
- ``free``: let it go on, held or not, at once.

A failure is a JSON string. The end of stdin ends the command with SIGTERM. This process is an ancestor of what it
traces, which is all that Linux asks for by default (kernel.yama.ptrace_scope). Follows ptrace(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import select
import signal
import struct
import sys
from collections import Counter
from pathlib import Path

PTRACE_SYSCALL, PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_LISTEN = 24, 0x4206, 0x4207, 0x4208
PTRACE_GET_SYSCALL_INFO = 0x420E
PTRACE_O_TRACESYSGOOD, PTRACE_O_TRACECLONE = 1, 1 << 3
PTRACE_EVENT_STOP = 128
WALL = 0x40000000
SYSCALL_STOP = signal.SIGTRAP | 0x80
ENTRY, EXIT = 1, 2

INFO = struct.Struct("=B3xIQQ")
"""The head of struct ptrace_syscall_info; at an entry the number and the arguments follow, at an exit the result."""
CALL = struct.Struct("=QQQQQ")
RESULT = struct.Struct("=q")
INFO_BYTES = 96

SETTLE_MILLISECONDS = 30
"""How long a process must have waited for events before its calls are told: a close of the peer takes a moment."""

X86_64 = {
    "read": 0, "write": 1, "close": 3, "poll": 7, "mmap": 9, "munmap": 11, "brk": 12, "ioctl": 16, "readv": 19,
    "writev": 20, "madvise": 28, "getpid": 39, "socket": 41, "connect": 42, "accept": 43, "sendto": 44, "recvfrom": 45,
    "sendmsg": 46, "recvmsg": 47, "shutdown": 48, "bind": 49, "getsockname": 51, "getpeername": 52, "setsockopt": 54,
    "getsockopt": 55, "fcntl": 72, "futex": 202, "clock_gettime": 228, "epoll_wait": 232, "epoll_ctl": 233,
    "epoll_pwait": 281, "accept4": 288, "recvmmsg": 299, "sendmmsg": 307, "epoll_pwait2": 441,
}  # fmt: skip
AARCH64 = {
    "epoll_ctl": 21, "epoll_pwait": 22, "fcntl": 25, "ioctl": 29, "close": 57, "read": 63, "write": 64, "readv": 65,
    "writev": 66, "ppoll": 73, "futex": 98, "clock_gettime": 113, "getpid": 172, "socket": 198, "bind": 200,
    "accept": 202, "connect": 203, "getsockname": 204, "getpeername": 205, "sendto": 206, "recvfrom": 207,
    "setsockopt": 208, "getsockopt": 209, "shutdown": 210, "sendmsg": 211, "recvmsg": 212, "brk": 214, "munmap": 215,
    "mmap": 222, "madvise": 233, "accept4": 242, "recvmmsg": 243, "sendmmsg": 269, "epoll_pwait2": 441,
}  # fmt: skip
NAMES = {number: name for name, number in (AARCH64 if platform.machine() == "aarch64" else X86_64).items()}
WAITS = {"epoll_wait", "epoll_pwait", "epoll_pwait2"}
"""Counted as ``epoll_wait``: which one it is, libuv and the architecture decide."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


def ptrace(request: int, thread: int, address: int = 0, value: int = 0) -> None:
    """Call ptrace(2); OSError."""
    if _libc.ptrace(request, thread, address, value) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace request {request:#x}: {os.strerror(number)}")


class Traced:
    """A running process whose calls are counted. ``calls`` are those since it was last emptied."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.calls: Counter[str] = Counter()
        self.is_waiting = False
        """Whether its first thread has asked for events with some patience, and has none yet."""
        self.is_held = False
        self.has_ended = False
        self._must_hold = False
        self._is_in_wait = False
        self._has_events = False
        """Whether there were any since the first thread last waited with patience."""
        self._threads: set[int] = set()
        self._info = ctypes.create_string_buffer(INFO_BYTES)

    def attach(self) -> None:
        """Trace all threads that there are, and those to come; OSError where that is not allowed."""
        while new := {int(each.name) for each in Path(f"/proc/{self.pid}/task").iterdir()} - self._threads:
            for thread in new:
                ptrace(PTRACE_SEIZE, thread, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE)
                ptrace(PTRACE_INTERRUPT, thread)
                self._threads.add(thread)

    def hold(self) -> None:
        """Have it stand still at its next event."""
        self._must_hold = True

    def release(self) -> None:
        """Let it go on if it is held, and hold it no more."""
        self._must_hold = False
        if self.is_held:
            self.is_held = False
            self._resume(self.pid)

    def follow(self) -> None:
        """Note every stop that is there, and let go on who has stopped."""
        while not self.has_ended:
            try:
                thread, status = os.waitpid(-1, WALL | os.WNOHANG)
            except ChildProcessError:
                self.has_ended = True
                return
            if not thread:
                return
            if os.WIFSTOPPED(status):
                self._stopped(thread, os.WSTOPSIG(status), status >> 16)
            elif thread == self.pid:
                self.has_ended = True

    def _stopped(self, thread: int, number: int, event: int) -> None:
        if number == SYSCALL_STOP:
            with contextlib.suppress(ProcessLookupError):
                self._note(thread)
            if not self.is_held or thread != self.pid:
                self._resume(thread)
        elif event == PTRACE_EVENT_STOP and number != signal.SIGTRAP:
            self._resume(thread, request=PTRACE_LISTEN)
        else:
            self._resume(thread, 0 if event else number)

    def _note(self, thread: int) -> None:
        """Count a call when it begins, but the first thread's waits when they end, by what they have brought."""
        ptrace(PTRACE_GET_SYSCALL_INFO, thread, INFO_BYTES, ctypes.addressof(self._info))
        operation, is_first = INFO.unpack_from(self._info)[0], thread == self.pid
        if operation == ENTRY:
            number, *arguments = CALL.unpack_from(self._info, INFO.size)
            name = NAMES.get(number, f"call {number}")
            if is_first and name in WAITS:
                # The fourth argument is the time-out in milliseconds; but of epoll_pwait2, which libuv does not use.
                self._is_in_wait, self.is_waiting = True, arguments[3] & 0xFFFFFFFF != 0
            else:
                self._count("epoll_wait" if name in WAITS else name)
        elif operation == EXIT and is_first and self._is_in_wait:
            self._learn(RESULT.unpack_from(self._info, INFO.size)[0])

    def _learn(self, events: int) -> None:
        """Note what a wait of the first thread has brought; one without patience may bring what a hold waits for."""
        self._has_events = events > 0 or (self._has_events and not self.is_waiting)
        self._is_in_wait = self.is_waiting = False
        self._count("epoll_wait")
        if self._must_hold and events > 0:
            self._must_hold, self.is_held = False, True

    def _count(self, name: str) -> None:
        self.calls[name if self._has_events else "timers"] += 1

    def _resume(self, thread: int, number: int = 0, request: int = PTRACE_SYSCALL) -> None:
        with contextlib.suppress(ProcessLookupError):
            ptrace(request, thread, 0, number)


class Session:
    """One command and what is asked about it."""

    def __init__(self, pid: int) -> None:
        self._traced = Traced(pid)
        self._asked = ""

    def serve(self) -> None:
        """Work until the command has ended."""
        woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(woken, select.POLLIN)
        poll.register(0, select.POLLIN)
        while not self._traced.has_ended:
            ready = [descriptor for descriptor, _ in poll.poll(SETTLE_MILLISECONDS if self._asked == "count" else None)]
            if woken in ready:
                os.read(woken, 4096)
            self._traced.follow()
            if 0 in ready and not self._hear():
                poll.unregister(0)
            if self._is_answerable(is_silent=not ready):
                self._answer()

    def _hear(self) -> bool:
        """Take the next line, one at a time since each is answered before the next is asked."""
        line = os.read(0, 4096)
        if not line:
            os.kill(self._traced.pid, signal.SIGTERM)
            self._traced.release()
            return False
        self._asked = line.decode().strip()
        return True

    def _is_answerable(self, *, is_silent: bool) -> bool:
        match self._asked:
            case "count":
                return is_silent and self._traced.is_waiting
            case "hold":
                return self._traced.is_waiting
            case "release":
                return self._traced.is_held
            case asked:
                return asked != ""

    def _answer(self) -> None:
        said: str | dict[str, int] = {}
        match self._asked:
            case "count":
                said = dict(self._traced.calls)
                self._traced.calls.clear()
            case "hold":
                self._traced.hold()
            case "release" | "free":
                self._traced.release()
            case "trace":
                try:
                    self._traced.attach()
                except OSError as error:
                    said = str(error)
        self._asked = ""
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


def main(*command: str) -> None:
    quiet = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_RDWR, 0) for descriptor in (0, 1)]
    Session(os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])

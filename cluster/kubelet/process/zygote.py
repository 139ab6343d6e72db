"""The process from which every container is forked: small, warm, single-threaded, and the end of them all.

It starts what the kubelet asks for over a SEQPACKET socket, tells how each ended, and adopts the orphans that
containers leave (it is their subreaper). When the socket closes, also because the kubelet was killed, it kills every
descendant and leaves. It never decides about restarts and never reads a container's output.

Messages are JSON, one per packet. To here: ``start`` (with stdin, stdout and stderr) and ``kill``; from here:
``started``, ``failed``, ``exited``.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import json
import os
import select
import signal
import socket
import sys
import termios
import traceback
from pathlib import Path
from typing import Any, NoReturn

from kubelet.process.protocol import ATTACHED, CONTAINER_MARK, MAX_MESSAGE, MAX_PACKET
from kubelet.servers.plan import ServerError, ServerPlan
from kubelet.servers.prepare import prepare

PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 15, 36
STATUS_FD = 3
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)
"""A terminal's Ctrl-C reaches the whole group; only the kubelet decides when pods stop."""

_libc = ctypes.CDLL(None, use_errno=True)


class Zygote:
    """Forks containers and reaps everything below itself."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._running: dict[int, str] = {}
        self._guests: set[int] = set()
        self._starting: dict[int, tuple[str, int, bytearray]] = {}
        self._poll = select.poll()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def serve(self) -> None:
        """Work until the kubelet is gone, then end everything."""
        for number in IGNORED:
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
        gc.collect()
        gc.freeze()
        self._poll.register(self._control, select.POLLIN)
        self._poll.register(self._wake_read, select.POLLIN)
        try:
            while self._turn():
                pass
        finally:
            self._end_everything()

    def _turn(self) -> bool:
        for descriptor, _ in self._poll.poll():
            if descriptor == self._wake_read:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
            elif descriptor in self._starting:
                self._read_status(descriptor)
            elif not self._read_control():
                return False
        self._reap()
        return True

    def _read_control(self) -> bool:
        try:
            packet, descriptors, _, _ = socket.recv_fds(self._control, MAX_PACKET, 4)
        except OSError:
            return False
        if not packet:
            return False
        if packet == ATTACHED:
            packet = os.pread(descriptors[-1], MAX_MESSAGE, 0)
        message = json.loads(packet)
        if message["op"] == "start":
            self._start(message, descriptors[:3])
            for descriptor in descriptors:
                os.close(descriptor)
        elif message["op"] == "kill":
            self._kill(message["id"], message["signal"])
        return True

    def _start(self, message: dict[str, Any], descriptors: list[int]) -> None:
        status_read, status_write = os.pipe2(os.O_CLOEXEC)
        try:
            pid = os.fork()
        except OSError as error:
            os.close(status_write)
            os.close(status_read)
            self._tell(op="failed", id=message["id"], message=f"fork: {error.strerror}")
            return
        if pid == 0:
            _become(message, descriptors, status_write)
        os.close(status_write)
        self._running[pid] = message["id"]
        if message["guest"]:
            self._guests.add(pid)
        self._starting[status_read] = (message["id"], pid, bytearray())
        self._poll.register(status_read, select.POLLIN)

    def _read_status(self, descriptor: int) -> None:
        """Learn what became of a start: its end of file is success, as exec or a listening server closes the pipe."""
        identity, pid, said = self._starting[descriptor]
        chunk = os.read(descriptor, 65536)
        if chunk:
            said += chunk
            return
        self._poll.unregister(descriptor)
        os.close(descriptor)
        del self._starting[descriptor]
        if said:
            self._running.pop(pid, None)
            self._guests.discard(pid)
            self._tell(op="failed", id=identity, message=said.decode(errors="replace"))
        else:
            self._tell(op="started", id=identity, pid=pid)

    def _kill(self, identity: str, number: int) -> None:
        """SIGKILL takes the container's whole group; any other signal goes to its first process, as in a container."""
        for pid, running in self._running.items():
            if running == identity:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
                    if number == signal.SIGKILL:
                        os.killpg(pid, number)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._finish_start(pid)
            identity = self._running.pop(pid, None)
            if identity is None:
                continue
            if pid in self._guests:
                # What a command in a container has left running belongs to the container.
                self._guests.discard(pid)
            else:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
            self._kill_orphans()
            code = os.waitstatus_to_exitcode(status)
            self._tell(op="exited", id=identity, code=128 - code if code < 0 else code, signal=max(-code, 0))

    def _finish_start(self, pid: int) -> None:
        """Say what became of the start before saying how the process ended."""
        for descriptor, (_, starting, _) in list(self._starting.items()):
            if starting == pid:
                while descriptor in self._starting:
                    self._read_status(descriptor)

    def _kill_orphans(self) -> None:
        """Kill adopted processes whose container is gone, also those that left its session."""
        alive = set(self._running.values())
        for pid in _children(os.getpid()):
            if pid not in self._running and _session(pid) not in self._running and _mark(pid) not in alive:
                _kill_tree(pid)

    def _end_everything(self) -> None:
        signal.set_wakeup_fd(-1)
        while True:
            for pid in _children(os.getpid()):
                _kill_tree(pid)
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return

    def _tell(self, **message: Any) -> None:
        with contextlib.suppress(OSError):
            self._control.send(json.dumps(message).encode())


def _become(message: dict[str, Any], descriptors: list[int], status: int) -> NoReturn:
    """In the child: turn into the container, or say on ``status`` why not."""
    try:
        status = _isolate(descriptors, status, is_tty=message["tty"])
        _apply(message)
        if message.get("builtin"):
            serve = prepare(ServerPlan(**message["builtin"]), message["address"], message["env"])
            os.close(status)
            status = -1
            serve()
        else:
            os.execvpe(message["argv"][0], message["argv"], message["env"])  # noqa: S606 - no shell is wanted
    except ServerError as error:
        _refuse(status, str(error))
    except OSError as error:
        _refuse(status, _exec_error(message, error))
    except ValueError as error:
        _refuse(status, f'exec: "{message["argv"][0]}": {error}')
    except SystemExit as stop:
        sys.stdout.flush()
        os._exit(stop.code if isinstance(stop.code, int) else 1)
    except BaseException:
        traceback.print_exc()
        os._exit(2)
    os._exit(0)


def _isolate(descriptors: list[int], status: int, *, is_tty: bool) -> int:
    """Keep stdin, stdout, stderr and the status pipe; undo the zygote's signal handling."""
    zygote = os.getppid()
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != zygote:
        os._exit(137)
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (*IGNORED, signal.SIGCHLD, signal.SIGXFSZ):  # the last one is Python's own doing
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # duplicate upwards first: a descriptor may sit where another one has to go
    parked = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 10) for each in (*descriptors, status)]
    for target, source in enumerate(parked):
        os.dup2(source, target, inheritable=target != STATUS_FD)
    if is_tty:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.closerange(STATUS_FD + 1, max(int(each.name) for each in Path("/proc/self/fd").iterdir()) + 1)
    return STATUS_FD


def _apply(message: dict[str, Any]) -> None:
    os.umask(0o022)
    _libc.prctl(PR_SET_NAME, message.get("title", "pod").encode()[:15])
    if cwd := message.get("cwd"):
        try:
            os.chdir(cwd)
        except OSError as error:
            text = f'chdir to cwd ("{cwd}") set in config.json failed: {_reason(error)}'
            raise ServerError(text) from error


def _exec_error(message: dict[str, Any], error: OSError) -> str:
    """Return the text with which runc reports a command that cannot be executed."""
    if message.get("builtin"):
        return f"{message['builtin']['server']}: {error}"
    command = message["argv"][0]
    # Go's LookPath passes by whatever it may not look into or execute (os/exec/lp_unix.go).
    if "/" not in command and isinstance(error, (FileNotFoundError, PermissionError)):
        return f'exec: "{command}": executable file not found in $PATH'
    if isinstance(error, FileNotFoundError):
        return f'exec: "{command}": stat {command}: no such file or directory'
    return f'exec: "{command}": {_reason(error)}'


def _reason(error: OSError) -> str:
    return os.strerror(error.errno or 0).lower()


def _refuse(status: int, text: str) -> NoReturn:
    with contextlib.suppress(OSError):
        os.write(status if status >= 0 else sys.stderr.fileno(), text.encode()[:4096])
    os._exit(127)


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _kill_tree(pid: int) -> None:
    """Kill a process and what it started, parents first so that nothing is started behind our back."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGSTOP)
    below = _children(pid)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
    for each in below:
        _kill_tree(each)


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def _mark(pid: int) -> str:
    """Return the container that a process says it belongs to, "" when it does not say."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    start = f"{CONTAINER_MARK}=".encode()
    return next((each[len(start) :].decode() for each in variables if each.startswith(start)), "")


def main() -> None:
    """Serve the control socket whose descriptor is the only argument."""
    control = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(control.fileno(), False)
    Zygote(control).serve()


if __name__ == "__main__":
    main()

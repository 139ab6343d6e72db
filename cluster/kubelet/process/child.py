"""What a forked child of the zygote does: it becomes the container's process, or says why it cannot.

Nothing here returns to the zygote's code. The texts of refusals are runc's.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import sys
import termios
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from kubehost.errortexts import errno_text
from kubehost.io.namespaces import PR_SET_NAME, PR_SET_PDEATHSIG, prctl
from kubelet.process.protocol import AGENT
from kubelet.servers.prepare import prepare
from kubelet.spec.process import PROGRAM_FOLDERS
from kubelet.spec.server import ServerError, ServerPlan

if TYPE_CHECKING:
    from kubelet.sandbox.io.agent import Agent

STATUS_FD = 3
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)
"""What the zygote ignores. A terminal's Ctrl-C reaches its whole group; only the kubelet decides when pods stop."""


Serve = Callable[[socket.socket], None]
"""What the agent does with its end of the control socket."""


def become(
    message: dict[str, Any], descriptors: list[int], status: int, agent: Agent | None, serve_agent: Serve
) -> NoReturn:
    """Turn into the process that a ``start`` message describes; refusals are written to ``status``.

    ``descriptors`` are its stdin, stdout and stderr. ``status`` is closed without a word on success. ``agent`` takes it
    into its sandbox, ``serve_agent`` is what one would do that is itself to become an agent.
    """
    try:
        if message.get("cgroup"):
            _join(message["cgroup"])
        if agent is not None:
            agent.enter(message)
        status = _isolate(descriptors, status, is_tty=message["tty"])
        _apply(message)
        if agent is not None:
            agent.restrict(message)
        if message.get("builtin"):
            serve = _server(message, serve_agent)
            os.close(status)
            status = -1
            serve()
        else:
            _execute(message["argv"], message["env"], is_sandboxed=agent is not None)
    except (ServerError, OSError, ValueError) as error:
        _refuse(status, _refusal(message, error))
    except BaseException as error:
        os._exit(_exit_code(error))
    os._exit(0)


def _execute(argv: list[str], environment: dict[str, str], *, is_sandboxed: bool) -> NoReturn:
    """Become a program; OSError.

    In a sandbox, a program that its image has in a folder such as /bin may lie in another such folder of this machine.
    """
    folder, _, name = argv[0].rpartition("/")
    try:
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - no shell is wanted
    except FileNotFoundError as error:
        if not is_sandboxed or folder not in PROGRAM_FOLDERS:
            raise
        for each in PROGRAM_FOLDERS:
            with contextlib.suppress(FileNotFoundError):
                os.execve(f"{each}/{name}", argv, environment)  # noqa: S606
        raise error from None


def _join(cgroup: str) -> None:
    """Enter a control group, before the file system may hide it."""
    try:
        Path(cgroup, "cgroup.procs").write_text("0")
    except OSError as error:
        raise ServerError(f"unable to apply cgroup configuration: {errno_text(error)}") from error


def _exit_code(error: BaseException) -> int:
    """Return the exit code of a built-in that has raised something; a traceback goes to its log."""
    if isinstance(error, SystemExit):
        sys.stdout.flush()
        return error.code if isinstance(error.code, int) else 1
    traceback.print_exception(error)
    return 2


def _server(message: dict[str, Any], serve: Serve) -> Callable[[], object]:
    """Return what serves a built-in server once its start is told; ServerError, OSError."""
    plan = ServerPlan(**message["builtin"])
    if plan.server != AGENT:
        return prepare(plan, message["address"], message["env"])
    from kubelet.sandbox.io.stub import serve_agent  # only one process of a cluster needs all that

    return partial(serve_agent, serve)


def _isolate(descriptors: list[int], status: int, *, is_tty: bool) -> int:
    """Keep stdin, stdout, stderr and the status pipe; undo the zygote's signal handling."""
    zygote = os.getppid()
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The zygote may have died before the line above: then nothing would end this process with it.
    if os.getppid() != zygote:
        os._exit(137)
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (*IGNORED, signal.SIGCHLD, signal.SIGXFSZ):  # the last one is ignored by Python itself
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # Duplicated upwards first, as a descriptor may be where another one has to go.
    parked = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 10) for each in (*descriptors, status)]
    for target, source in enumerate(parked):
        os.dup2(source, target, inheritable=target != STATUS_FD)
    if is_tty:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.closerange(STATUS_FD + 1, max(int(each.name) for each in Path("/proc/self/fd").iterdir()) + 1)
    return STATUS_FD


def _apply(message: dict[str, Any]) -> None:
    os.umask(0o022)
    prctl(PR_SET_NAME, message.get("title", "pod").encode()[:15])
    if cwd := message.get("cwd"):
        try:
            os.chdir(cwd)
        except OSError as error:
            text = f'chdir to cwd ("{cwd}") set in config.json failed: {errno_text(error)}'
            raise ServerError(text) from error


def _refusal(message: dict[str, Any], error: ServerError | OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return _exec_error(message, error)
    return str(error) if isinstance(error, ServerError) else f'exec: "{message["argv"][0]}": {error}'


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
    return f'exec: "{command}": {errno_text(error)}'


def _refuse(status: int, text: str) -> NoReturn:
    with contextlib.suppress(OSError):
        os.write(status if status >= 0 else sys.stderr.fileno(), text.encode()[:4096])
    os._exit(127)

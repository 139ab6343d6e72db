"""The agent's parent, outside its namespaces: it makes them, forks the agent into them, and waits for it.

The agent is the zygote as process 1 of the cluster's PID namespace: all processes of the cluster end with it, and it
ends with this process. This process is forked from a zygote, as one of its containers.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from kubehost.io.namespaces import (
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_REC,
    MS_SLAVE,
    NEWIPC,
    NEWNET,
    NEWNS,
    NEWPID,
    NEWUTS,
    PR_SET_PDEATHSIG,
    mount,
    prctl,
    unshare,
)
from kubelet.sandbox.io.usernamespace import enter_user_namespace


def serve_agent(serve: Callable[[socket.socket], None]) -> None:
    """Make the namespaces, fork the agent, which serves, and end with it; a refusal is told on the control socket."""
    control = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    alive, held = os.pipe2(os.O_CLOEXEC)
    try:
        enter_user_namespace()
        unshare(NEWNET | NEWNS | NEWPID | NEWUTS | NEWIPC)
        agent = os.fork()
    except OSError as error:
        control.send(json.dumps({"op": "refused", "message": error.strerror}).encode())
        sys.exit(1)
    if agent == 0:
        os.close(held)
        _enter_fork(alive)
        serve(control)
        sys.exit(0)
    control.close()
    sys.exit(1 if os.waitpid(agent, 0)[1] else 0)


def _enter_fork(alive: int) -> None:
    """Settle as the first process of the namespaces, and end with the parent, which has the other end of ``alive``."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the line above; its pid is not seen in this PID namespace.
    if select.select([alive], [], [], 0)[0]:
        sys.exit(1)
    os.close(alive)
    mount("none", "/", flags=MS_REC | MS_SLAVE)
    with contextlib.suppress(OSError):  # refused where parts of /proc are hidden; the machine's one serves as well
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)

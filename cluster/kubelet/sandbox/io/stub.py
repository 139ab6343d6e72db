"""The agent's parent, outside its namespaces: it makes them, forks the agent into them, and waits for it.

The agent is the zygote as process 1 of the cluster's PID namespace: all processes of the cluster end with it, and it
ends with this process. The kubelet's sockets are the agent's; the descriptor of the control socket is the argument.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys

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


def main() -> None:
    """Make the namespaces, fork the agent, and exit with it; a refusal is told on the control socket."""
    control = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(control.fileno(), False)
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
        _become_agent(control, alive)
    control.close()
    sys.exit(1 if os.waitpid(agent, 0)[1] else 0)


def _become_agent(control: socket.socket, alive: int) -> None:
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the line above; its pid is not seen in this PID namespace.
    if select.select([alive], [], [], 0)[0]:
        sys.exit(1)
    os.close(alive)
    mount("none", "/", flags=MS_REC | MS_SLAVE)
    with contextlib.suppress(OSError):  # refused where parts of /proc are hidden; the machine's one serves as well
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    from kubelet.process.zygote import Zygote

    zygote = Zygote(control)
    zygote.become_agent()
    zygote.serve()
    sys.exit(0)


if __name__ == "__main__":
    main()

"""Starting the zygote: a small interpreter of its own, with a socket to this process."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

SOURCE_ROOT = str(Path(__file__).resolve().parents[2])


async def start_zygote(marker: Mapping[str, str]) -> tuple[asyncio.subprocess.Process, socket.socket]:
    """Return the zygote's process, and the socket to it. ``marker`` is in its environment. OSError."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-S", "-s", "-m", "kubelet.process.zygote", str(theirs.fileno())),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": SOURCE_ROOT, **marker},
                start_new_session=True,  # Ctrl-C in the user's terminal is for the kubelet alone
            )
    except BaseException:
        ours.close()
        raise
    return process, ours

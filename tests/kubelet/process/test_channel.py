"""The kubelet's end of the zygote's socket."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from pathlib import Path
from typing import Any

from kubelet.process.channel import ZygoteChannel


async def _receive_pidfd(limit: int | None = None) -> dict[str, Any]:
    """Return the message that comes of one with this process's pidfd, with room for ``limit`` open files."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    message: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    channel = ZygoteChannel(ours, message.set_result, lambda: None)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    pidfd = os.pidfd_open(os.getpid())
    try:
        socket.send_fds(theirs, [b'{"event": "started"}'], [pidfd])
        os.close(pidfd)  # the lowest free number, which the receiver gets: there is no other below it
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (pidfd + limit, hard))
        return await asyncio.wait_for(message, 5)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        channel.close()
        theirs.close()


async def test_a_pidfd_becomes_the_process_id() -> None:
    assert (await _receive_pidfd())["pid"] == os.getpid()


async def test_a_message_is_not_lost_and_its_pidfd_is_closed_when_no_more_files_may_be_opened() -> None:
    files = len(list(Path("/proc/self/fd").iterdir()))

    message = await _receive_pidfd(limit=1)

    assert message == {"event": "started", "pid": 0}
    assert len(list(Path("/proc/self/fd").iterdir())) == files

#!/bin/sh
# CPython 3.11 (Linux): `socket.recv_fds(sock, size, count, flags)` ignores its flags.
#
# Lib/socket.py calls `sock.recvmsg(size, room)` without them. So MSG_CMSG_CLOEXEC has no effect, and a program that
# is executed inherits each descriptor that was received, unlike every other one that Python makes (PEP 446);
# MSG_DONTWAIT waits, and MSG_PEEK takes the message. `recvmsg` itself heeds them.
#
# Seen:
#   recv_fds with MSG_CMSG_CLOEXEC: inheritable=True
#   recvmsg with MSG_CMSG_CLOEXEC: inheritable=False
set -eu
python3 - <<'PYTHON'
import array
import os
import socket

ours, theirs = socket.socketpair()
read, write = os.pipe()

socket.send_fds(ours, [b"x"], [read])
_, (by_recv_fds,), _, _ = socket.recv_fds(theirs, 1, 1, socket.MSG_CMSG_CLOEXEC)
print(f"recv_fds with MSG_CMSG_CLOEXEC: inheritable={os.get_inheritable(by_recv_fds)}")

socket.send_fds(ours, [b"x"], [read])
_, [(_, _, content)], _, _ = theirs.recvmsg(1, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
(by_recvmsg,) = array.array("i", content)
print(f"recvmsg with MSG_CMSG_CLOEXEC: inheritable={os.get_inheritable(by_recvmsg)}")

assert os.get_inheritable(by_recv_fds), "recv_fds has changed"
assert not os.get_inheritable(by_recvmsg), "recvmsg has changed"
PYTHON

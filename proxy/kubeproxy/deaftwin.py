"""DROP for TCP without a privilege: beside the socket that listens, a twin that answers nobody.

A packet filter on a TCP socket wants CAP_NET_ADMIN since Linux 6.18 (for UDP it does not). But sockets of one address
may share it (SO_REUSEPORT), and a classic BPF program of the group's owner says which of them a SYN is for (socket(7),
SO_ATTACH_REUSEPORT_CBPF). The twin's queue of one is full, so the kernel throws its SYNs away, as in a cluster: the
client hears nothing, until it gives up.
"""

from __future__ import annotations

import socket

from kubeproxy.admission import Admission
from kubeproxy.sockets import attach_program, bind_socket, open_socket

_SO_ATTACH_REUSEPORT_CBPF = 51
"""asm-generic/socket.h."""
_TWIN, _HEARD = 0, 1
"""Places in the group, in the order in which its sockets began to listen."""
_OPEN = Admission((), (), is_outside_heard=True)


class DeafTwin:
    """Made before the socket that hears, which ``join`` takes into its group; to be closed after that one."""

    def __init__(self, address: tuple[str, int]) -> None:
        """Take ``address``; OSError if somebody has it."""
        with open_socket("TCP", address[0]) as probe:
            bind_socket(probe, "TCP", address)  # a socket of the group would share it with another process' group
        self._sockets: list[socket.socket] = []
        try:
            self._listen(address)
        except OSError:
            self.close()
            raise

    def join(self, sock: socket.socket, address: tuple[str, int], backlog: int) -> None:
        """Bind ``sock`` and listen, with nobody dropped yet."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bind_socket(sock, "TCP", address)
        sock.listen(backlog)

    def drop(self, sock: socket.socket, admission: Admission | None) -> None:
        """Have the clients that are not to be heard by ``sock`` sent to the twin."""
        attach_program(sock, _SO_ATTACH_REUSEPORT_CBPF, admission or _OPEN, heard=_HEARD)

    def close(self) -> None:
        """Give the address up."""
        for sock in self._sockets:
            sock.close()

    def _listen(self, address: tuple[str, int]) -> None:
        twin = open_socket("TCP", address[0])
        self._sockets.append(twin)
        twin.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bind_socket(twin, "TCP", address)
        twin.listen(0)
        filler = open_socket("TCP", address[0])
        self._sockets.append(filler)
        filler.connect_ex(twin.getsockname())

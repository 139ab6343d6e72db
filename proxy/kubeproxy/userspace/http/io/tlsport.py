"""Service ports whose endpoints speak TLS, where an Ingress says so: what is sent to them is encrypted on the way.

Their certificates are not looked at, as ingress-nginx does not without proxy-ssl-verify.
"""

from __future__ import annotations

import errno
import socket
import ssl

from kubeproxy.types import Choice, ServicePortName
from kubeproxy.userspace.http.io.port import Port
from kubeproxy.userspace.http.io.shared import HttpShared
from kubeproxy.userspace.http.io.termination import Terminations
from kubeproxy.userspace.http.io.upstream import Upstream, begin
from kubeproxy.userspace.poller import READABLE


class TlsPort(Port):
    """Its connections are those of ``terminations``, with the endpoint as the side that is encrypted."""

    __slots__ = ("_context", "_terminations")

    def __init__(self, shared: HttpShared, name: ServicePortName, terminations: Terminations) -> None:
        super().__init__(shared, name)
        self._terminations = terminations
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    def _dial(self, choice: Choice) -> Upstream | int:
        """Begin to connect; what fails later ends the upstream before its answer."""
        begun = begin(self._shared, self.name, choice)
        if isinstance(begun, int):
            return begun
        try:
            plain = self._terminations.begin(begun[0], self._context, is_server=False).plain
        except OSError as error:
            begun[0].close()
            return error.errno or errno.EINVAL
        upstream = _TlsUpstream(self._shared, self.pool, self.name, choice.address, plain)
        self._shared.poller.register(upstream.fd, READABLE, upstream)
        return upstream


class _TlsUpstream(Upstream):
    __slots__ = ()

    @property
    def is_alive(self) -> bool:
        """Whether the endpoint has not ended the connection, as far as is known by now."""
        try:
            return bool(self.sock.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False

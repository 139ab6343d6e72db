"""A forwarded connection that was accepted at a listening socket."""

from __future__ import annotations

import asyncio

from kubeapi.streaming.io.joined import JoinedSocket
from kubeapi.streaming.io.multiplexer import Multiplexer
from kubeclient.portforward.io.forwarder import PodForwarder
from kubeclient.portforward.io.streams import ErrorStream, open_streams


class ForwardedSocket(JoinedSocket):
    """One connection, to be forwarded to a port of the pod."""

    def __init__(self, forwarder: PodForwarder, port: int) -> None:
        super().__init__()
        self._forwarder = forwarder
        self._port = port
        self._carrier: Multiplexer | None = None
        self._errors = ErrorStream(self._refuse)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Forward it."""
        super().connection_made(transport)
        self._forwarder.forward(self)

    def begin(self, wire: Multiplexer, request: str) -> None:
        """Open the streams, and pass on what has come."""
        self._carrier = wire
        self.join(wire, open_streams(wire, self._port, request, self._errors, self))

    def ended(self) -> None:
        """Pass the end on. Without an error stream the server takes no more bytes either (kubelet, and kubectl)."""
        super().ended()
        if self._errors.has_ended and self._transport is not None:
            self._transport.close()

    def _refuse(self, reason: str) -> None:
        """Reset the client, as the pod cannot be reached or has reset the connection."""
        if self._wire is not None:
            self._wire.reset(self._stream)
        self.broken(reason)

    def over(self, error: Exception | None) -> None:
        """Know that the socket is closed."""
        del error
        self._forwarder.over(self, self._carrier)

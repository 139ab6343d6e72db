"""The agent's socket service: sockets of the cluster's network and of pods', for processes outside.

A client has a channel (``kubehost.socketmessages``) and may bring channels for other processes. The agent enters a
pod's network only while it makes sockets. Nothing here waits: what a channel does not take at once waits in memory,
and the channel's further wishes wait in the kernel.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
from collections import deque
from collections.abc import Iterator, Mapping
from socket import SocketType

from kubehost.io.namespaces import NEWNET, setns
from kubehost.io.passing import receive
from kubehost.io.places import make_socket
from kubehost.socketmessages import CLUSTER, PACKET_BYTES, Answer, Ending, Wish, read_reply, read_wish

_OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)


class _Client:
    """One channel, and the packets that it has not taken yet, each with its sockets."""

    def __init__(self, channel: socket.socket) -> None:
        channel.setblocking(False)
        self.channel = channel
        self.unsent: deque[tuple[bytes, list[SocketType]]] = deque()


class SocketService:
    """Serves channels that it registers with ``poll``, whose owner calls ``serve`` for the descriptors ``in`` it.

    ``networks`` has the descriptors of the pods' network namespaces by their addresses; its owner keeps it current.
    The process is in the cluster's network namespace whenever it calls.
    """

    def __init__(self, poll: select.poll, networks: Mapping[str, int]) -> None:
        self._poll = poll
        self._networks = networks
        self._clients: dict[int, _Client] = {}
        self._cluster = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def __contains__(self, descriptor: int) -> bool:
        """Tell whether a descriptor is a channel of this service."""
        return descriptor in self._clients

    def add(self, channel: socket.socket) -> None:
        """Own a channel and serve it until the client has closed it."""
        client = _Client(channel)
        self._clients[channel.fileno()] = client
        self._poll.register(channel, select.POLLIN)

    def serve(self, descriptor: int) -> None:
        """Obey a channel that poll(2) has reported: send what waits for it, or fulfil its next wish."""
        client = self._clients[descriptor]
        try:
            if client.unsent:
                self._flush(client)
            else:
                self._read(client)
        except (OSError, ValueError):  # the client is gone, or speaks something else
            self._remove(client)

    def end(self, network: str) -> None:
        """Tell every client that a pod's network ends; it is in ``networks`` no longer."""
        for client in tuple(self._clients.values()):
            self._send(client, Ending(network).packet(), [])

    def close(self) -> None:
        """Close all channels."""
        for client in tuple(self._clients.values()):
            self._remove(client)
        os.close(self._cluster)

    def _read(self, client: _Client) -> None:
        try:
            packet, descriptors = receive(client.channel, PACKET_BYTES, 1)
        except BlockingIOError:
            return
        channels = [socket.socket(fileno=each) for each in descriptors]
        try:
            wish = read_wish(packet)  # an empty packet is the end
        except ValueError:
            for each in channels:
                each.close()
            raise
        for each in channels:
            self.add(each)
        self._answer(client, wish)

    def _answer(self, client: _Client, wish: Wish) -> None:
        made: list[SocketType] = []
        error = 0
        try:
            with self._entered(wish.network):
                for _ in range(wish.wanted):
                    made.append(make_socket(wish.family, wish.kind, wish.protocol))  # noqa: PERF401 - kept if it fails
        except OSError as failure:
            # Fewer sockets are better than none while files are short.
            error = 0 if made and failure.errno in _OUT_OF_DESCRIPTORS else failure.errno or errno.EINVAL
        self._send(client, Answer(wish.number, error).packet(), [] if error else made)
        if error:
            _close_all(made)

    @contextlib.contextmanager
    def _entered(self, network: str) -> Iterator[None]:
        """Be in a network while the context lasts; OSError with ENXIO if there is none of that name."""
        if network == CLUSTER:
            yield
            return
        namespace = self._networks.get(network)
        if namespace is None:
            raise OSError(errno.ENXIO, f"no pod has a network of its own at {network}")
        setns(namespace, NEWNET)
        try:
            yield
        finally:
            setns(self._cluster, NEWNET)

    def _send(self, client: _Client, packet: bytes, sockets: list[SocketType]) -> None:
        client.unsent.append((packet, sockets))
        if len(client.unsent) == 1:
            try:
                self._flush(client)
            except OSError:
                self._remove(client)

    def _flush(self, client: _Client) -> None:
        while client.unsent:
            packet, sockets = client.unsent[0]
            try:
                socket.send_fds(client.channel, [packet], [each.fileno() for each in sockets])
            except BlockingIOError:
                self._poll.modify(client.channel, select.POLLOUT)
                return
            except OSError as error:
                if error.errno != errno.ETOOMANYREFS or not sockets:
                    raise
                # Clients have not yet read as many descriptors as this process may have open (unix(7)).
                client.unsent[0] = _refusal(packet, errno.EMFILE), []
                _close_all(sockets)
                continue
            client.unsent.popleft()
            _close_all(sockets)
        self._poll.modify(client.channel, select.POLLIN)

    def _remove(self, client: _Client) -> None:
        if self._clients.pop(client.channel.fileno(), None) is not None:
            self._poll.unregister(client.channel)
            client.channel.close()
            for _, sockets in client.unsent:
                _close_all(sockets)


def _refusal(packet: bytes, error: int) -> bytes:
    answer = read_reply(packet)
    assert isinstance(answer, Answer)
    return answer._replace(error=error).packet()


def _close_all(sockets: list[SocketType]) -> None:
    for each in sockets:
        each.close()

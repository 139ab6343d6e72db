from __future__ import annotations

import socket
import threading
from contextlib import closing

from kubelet import http2
from kubelet.servers.agnhost.http2calls import h2c_server


def test_every_call_over_http2_is_answered_ok() -> None:
    service = h2c_server({"port": 8080}, "pod")
    here, there = socket.socketpair()
    with closing(here):
        thread = threading.Thread(target=service.raw[8080], args=(there,))
        thread.start()
        here.sendall(http2.get_request("127.0.0.1", "/", ()))
        received, status, body = http2.FrameBuffer(), None, None
        while body is None:
            received.put(here.recv(65536))
            while (frame := received.take()) is not None:
                status = http2.read_status(frame) if frame.type == http2.HEADERS else status
                body = frame.payload if frame.type == http2.DATA else body
        here.shutdown(socket.SHUT_WR)
        thread.join()
    there.close()
    assert (status, body) == (200, b"ok")


def test_another_protocol_ends_the_connection() -> None:
    service = h2c_server({"port": 8080}, "pod")
    here, there = socket.socketpair()
    with closing(here), closing(there):
        here.sendall(b"GET / HTTP/1.1\r\nHost: somewhere\r\n\r\n")
        service.raw[8080](there)

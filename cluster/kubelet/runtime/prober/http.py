"""``httpGet``: one GET over HTTP, HTTPS or HTTP/2 without TLS. Follows k8s.io/kubernetes ``pkg/probe/http``.

A status of 200 to 399 is success; a redirect is not followed. No certificate is verified (the kubelet does not either).
"""

from __future__ import annotations

import asyncio
import ssl
from typing import NamedTuple

from kubeapi.meta import JSON
from kubehost.addresses import join_host_port
from kubelet import http2
from kubelet.pod.probes import ProbeOutcome
from kubelet.runtime.prober.target import MAX_LINE, ProbeTarget, reason, unknown_port

_AGENT = "kube-probe/1.37"
TIMED_OUT = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"


class HTTPGet(NamedTuple):
    """An HTTP request; ``host`` "" means the pod's address."""

    port: int | str
    path: str = "/"
    scheme: str = "HTTP"
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    is_http2: bool = False

    @classmethod
    def read(cls, get: JSON) -> HTTPGet:
        """Read an HTTPGetAction."""
        headers = tuple((each["name"], each.get("value", "")) for each in get.get("httpHeaders") or ())
        path = get.get("path") or "/"
        rooted = path if path.startswith("/") else f"/{path}"
        is_http2 = get.get("protocol") == "HTTP2"
        return cls(get["port"], rooted, get.get("scheme") or "HTTP", get.get("host") or "", headers, is_http2)

    async def attempt(self, target: ProbeTarget, timeout: float) -> ProbeOutcome:
        """Send the request once."""
        port = target.port_number(self.port)
        if port is None:
            return unknown_port(self.port)
        where = join_host_port(self.host or target.address, port)
        line = b""
        try:
            async with asyncio.timeout(timeout):
                line = await self._first_line(target, port)
        except TimeoutError:
            failure = TIMED_OUT
        except _ConnectionFailedError as error:
            failure = f"dial tcp {where}: connect: {error}"
        except (OSError, ValueError) as error:
            failure = f"read tcp {where}: {reason(error)}"
        else:
            return _judge(line, self._url(where))
        return ProbeOutcome(False, f'Get "{self._url(where)}": {failure}')

    def _url(self, where: str) -> str:
        return f"{self.scheme.lower()}://{where}{self.path}"

    async def _first_line(self, target: ProbeTarget, port: int) -> bytes:
        """Return the status line of the answer; _ConnectionFailedError, OSError, ValueError."""
        host, context = self.host or target.address, _unverified() if self.scheme.upper() == "HTTPS" else None
        try:
            reader, writer = await target.connect(host, port, context)
        except TimeoutError:
            raise
        except (OSError, ValueError) as error:
            raise _ConnectionFailedError(reason(error)) from error
        try:
            if self.is_http2:
                return await self._status_line(reader, writer, join_host_port(host, port))
            writer.write(self._request(join_host_port(host, port)))
            return await reader.readline()
        finally:
            writer.transport.abort()

    async def _status_line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> bytes:
        """Return the status of an answer of HTTP/2 as HTTP/1.1 would have it, b"" without one."""
        writer.write(http2.get_request(host, self.path, (("user-agent", _AGENT), ("accept", "*/*"), *self.headers)))
        received = http2.FrameBuffer()
        while chunk := await reader.read(MAX_LINE):
            received.put(chunk)
            while (found := received.take()) is not None:
                writer.write(http2.reply_to(found))
                status = http2.read_status(found) if found.type == http2.HEADERS else None
                if status is not None and status >= 200:
                    return f"HTTP/1.1 {status}\r\n".encode()
                if found.type in (http2.RST_STREAM, http2.GOAWAY):
                    return b""
        return b""

    def _request(self, host: str) -> bytes:
        given = {name.lower() for name, _ in self.headers}
        headers = [("Host", host), ("User-Agent", _AGENT), ("Accept", "*/*"), ("Connection", "close")]
        lines = [f"{name}: {value}" for name, value in headers if name.lower() not in given]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join((f"GET {self.path} HTTP/1.1", *lines, "", "")).encode("latin-1", "replace")


class _ConnectionFailedError(Exception):
    """The connection could not be made; the text says why."""


def _judge(line: bytes, url: str) -> ProbeOutcome:
    status = _status(line)
    if status is None:
        shown = line[:64].decode("latin-1").strip()
        broken = f'net/http: HTTP/1.x transport connection broken: malformed HTTP response "{shown}"'
        return ProbeOutcome(False, f'Get "{url}": {broken if line else "EOF"}')
    if 200 <= status < 400:
        return ProbeOutcome(True)
    return ProbeOutcome(False, f"HTTP probe failed with statuscode: {status}")


def _status(line: bytes) -> int | None:
    words = line.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        return None
    return int(words[1])


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context

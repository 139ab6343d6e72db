"""Asking a container how it is: HTTP, TCP, commands, gRPC health; one try each, within its time-out.

The texts are the kubelet's. Follows k8s.io/kubernetes ``pkg/probe``. A redirect counts as success and is not followed.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from typing import NamedTuple

from kubehost.addresses import join_host_port
from kubelet.pod.probes import ProbeOutcome
from kubelet.pod.spec import GRPC, Exec, HookHandler, HTTPGet, ProbeHandler, Sleep, TCPSocket
from kubelet.process.runner import ProcessRunner
from kubelet.process.spec import ProcessSpec, StartError
from kubelet.runtime.grpchealth import HealthAnswer, health_request

MAX_BODY = 10 * 1024
"""Bytes of an answer or of a command's output that are read (the kubelet's ``maxRespBodyLength``)."""
MAX_LINE = 64 * 1024

Dial = Callable[[str, int], tuple[str, int]]


class Target(NamedTuple):
    """Where and how one container is probed; ``command`` is how a command runs in it."""

    address: str
    dial: Dial
    runner: ProcessRunner
    command: Callable[[tuple[str, ...]], ProcessSpec]


async def probe(handler: ProbeHandler, port: int | None, target: Target, timeout: float) -> ProbeOutcome:
    """Try once; every failure is an outcome."""
    match handler:
        case Exec(command):
            return await _exec(command, target, timeout)
        case HTTPGet() | TCPSocket() if port is None:
            return ProbeOutcome(False, f'couldn\'t find port: strconv.Atoi: parsing "{handler.port}": invalid syntax')
        case HTTPGet():
            assert port is not None
            return await http_get(handler, port, target, timeout)
        case TCPSocket(_, host):
            assert port is not None
            return await _tcp(host or target.address, port, target.dial, timeout)
        case GRPC():
            return await _grpc(handler, target, timeout)


async def run_hook(handler: HookHandler, port: int | None, target: Target, timeout: float) -> str | None:
    """Run a lifecycle hook once; return what went wrong, None if nothing did."""
    if isinstance(handler, Sleep):
        await asyncio.sleep(min(handler.seconds, timeout))
        return None
    outcome = await probe(handler, port, target, timeout)
    return None if outcome.is_success else outcome.message or "the command failed"


async def _tcp(host: str, port: int, dial: Dial, timeout: float) -> ProbeOutcome:
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(*dial(host, port))
    except TimeoutError:
        return ProbeOutcome(False, f"dial tcp {join_host_port(host, port)}: i/o timeout")
    except (OSError, ValueError) as error:
        return ProbeOutcome(False, f"dial tcp {join_host_port(host, port)}: connect: {_reason(error)}")
    writer.transport.abort()
    return ProbeOutcome(True)


async def http_get(get: HTTPGet, port: int, target: Target, timeout: float) -> ProbeOutcome:
    """Send one GET; success is a status of 200 to 399."""
    host = get.host or target.address
    path = get.path if get.path.startswith("/") else f"/{get.path}"
    url = f"{get.scheme.lower()}://{join_host_port(host, port)}{path}"
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout):
            context = _trust_anybody() if get.scheme.upper() == "HTTPS" else None
            reader, writer = await asyncio.open_connection(*target.dial(host, port), ssl=context, limit=MAX_LINE)
            writer.write(_request(get, path, join_host_port(host, port)))
            line = await reader.readline()
            status = _status(line)
            if status is None:
                shown = line[:64].decode("latin-1").strip()
                broken = f'net/http: HTTP/1.x transport connection broken: malformed HTTP response "{shown}"'
                reason = broken if line else "EOF"
                return ProbeOutcome(False, f'Get "{url}": {reason}')
    except TimeoutError:
        text = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return ProbeOutcome(False, f'Get "{url}": {text}')
    except (OSError, ValueError) as error:
        reason = _reason(error)
        where = join_host_port(host, port)
        where = f"dial tcp {where}: connect" if writer is None else f"read tcp {where}"
        return ProbeOutcome(False, f'Get "{url}": {where}: {reason}')
    finally:
        if writer is not None:
            writer.transport.abort()
    if 200 <= status < 400:
        return ProbeOutcome(True)
    return ProbeOutcome(False, f"HTTP probe failed with statuscode: {status}")


def _request(get: HTTPGet, path: str, host: str) -> bytes:
    given = {name.lower() for name, _ in get.headers}
    headers = [("Host", host), ("User-Agent", "kube-probe/1.32"), ("Accept", "*/*"), ("Connection", "close")]
    lines = [f"{name}: {value}" for name, value in headers if name.lower() not in given]
    lines += [f"{name}: {value}" for name, value in get.headers]
    return "\r\n".join((f"GET {path} HTTP/1.1", *lines, "", "")).encode("latin-1", "replace")


def _status(line: bytes) -> int | None:
    words = line.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        return None
    return int(words[1])


def _trust_anybody() -> ssl.SSLContext:
    """Probes do not verify certificates (the kubelet's do not either)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _exec(command: tuple[str, ...], target: Target, timeout: float) -> ProbeOutcome:
    output = bytearray()

    def collect(_stream: str, chunk: bytes) -> None:
        if len(output) < MAX_BODY:
            output.extend(chunk[: MAX_BODY - len(output)])

    try:
        async with asyncio.timeout(timeout):
            code = await run_command(target.runner, target.command(command), collect)
    except TimeoutError:
        return ProbeOutcome(False, f'command "{" ".join(command)}" timed out')
    except (StartError, OSError) as error:
        return ProbeOutcome(False, str(error))
    return ProbeOutcome(code == 0, output.decode(errors="replace").strip())


async def run_command(runner: ProcessRunner, spec: ProcessSpec, collect: Callable[[str, bytes], None]) -> int:
    """Run a command to its end and return its exit code; cancelled, it is killed."""
    process = await runner.start(spec, collect)
    try:
        return (await process.wait()).code
    finally:
        process.kill()


async def _grpc(check: GRPC, target: Target, timeout: float) -> ProbeOutcome:
    """Ask for the health of a service; the texts are those of the kubelet's grpc probe."""
    where = join_host_port(target.address, check.port)
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(*target.dial(target.address, check.port))
            writer.write(health_request(where, check.service))
            answer = HealthAnswer()
            while answer.outcome is None:
                writer.write(answer.feed(await reader.read(MAX_LINE)))
            return answer.outcome
    except TimeoutError:
        what = "connect service" if writer is None else "complete the health rpc of"
        return ProbeOutcome(False, f'timeout: failed to {what} "{where}" within {timeout:g}s')
    except (OSError, ValueError) as error:
        return ProbeOutcome(False, f'error: failed to connect service at "{where}": {_reason(error)}')
    finally:
        if writer is not None:
            writer.transport.abort()


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"tls: {error.reason or error}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__

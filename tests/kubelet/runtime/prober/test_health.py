"""The gRPC health probe against a scripted server."""

import asyncio
from pathlib import Path

import pytest
from tests.helpers.direct_network import DirectNetwork
from tests.helpers.patience import PATIENCE

from kubelet.http2 import PREFACE
from kubelet.pod.probes import ProbeOutcome
from kubelet.process.runner import ProcessRunner
from kubelet.runtime.prober.grpc import GRPC
from kubelet.runtime.prober.health import HealthAnswer, health_request
from kubelet.runtime.prober.target import ProbeTarget
from kubelet.spec.process import ProcessSpec

ADDRESS = "127.246.11.1"
SETTINGS = bytes.fromhex("000000040000000000")
HEADERS = bytes.fromhex("0000010104000000018 8".replace(" ", ""))
TRAILERS = bytes.fromhex("00000101050000000188")
REFUSAL = ProbeOutcome(False, "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)")


def answer(status: int) -> bytes:
    message = bytes((8, status)) if status else b""
    body = b"\0" + len(message).to_bytes(4, "big") + message
    return SETTINGS + HEADERS + len(body).to_bytes(3, "big") + bytes.fromhex("000000000001") + body + TRAILERS


def test_the_request_is_http_2_with_the_name_of_the_service() -> None:
    sent = health_request("10.0.0.1:50051", "shop")
    assert sent.startswith(PREFACE + SETTINGS)
    assert b"/grpc.health.v1.Health/Check" in sent
    assert sent.endswith(bytes.fromhex("00000b000100000001") + b"\0\0\0\0\x06\x0a\x04shop")


@pytest.mark.parametrize(
    ("received", "outcome"),
    [
        (answer(1), ProbeOutcome(True)),
        (answer(2), ProbeOutcome(False, 'service unhealthy (responded with "NOT_SERVING")')),
        (answer(0), ProbeOutcome(False, 'service unhealthy (responded with "UNKNOWN")')),
        (SETTINGS + TRAILERS, REFUSAL),
        (bytes.fromhex("000004030000000001") + b"\0\0\0\x08", REFUSAL),
        (SETTINGS, ProbeOutcome(False, "error: health rpc failed: connection closed before an answer")),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            ProbeOutcome(False, "error: health rpc failed: connection closed before an answer"),
        ),
    ],
    ids=["serving", "not serving", "no status", "unimplemented", "reset", "closed", "not HTTP/2"],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_answer_in_any_pieces_is_understood(received: bytes, outcome: ProbeOutcome, size: int) -> None:
    health = HealthAnswer()
    for start in range(0, len(received), size):
        health.feed(received[start : start + size])
    health.feed(b"")
    assert health.outcome == outcome


def test_settings_and_pings_are_acknowledged() -> None:
    ping = bytes.fromhex("000008060000000000") + b"12345678"
    assert HealthAnswer().feed(SETTINGS + ping) == (
        bytes.fromhex("000000040100000000") + bytes.fromhex("000008060100000000") + b"12345678"
    )


@pytest.mark.parametrize(
    ("reply", "seconds", "outcome"),
    [
        (answer(1), PATIENCE, ProbeOutcome(True)),
        (b"", 0.2, ProbeOutcome(False, f'timeout: failed to complete the health rpc of "{ADDRESS}:50051" within 0.2s')),
    ],
    ids=["serving", "hangs"],
)
async def test_a_probe_asks_over_a_real_socket(reply: bytes, seconds: float, outcome: ProbeOutcome) -> None:
    is_over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"Check")
            writer.write(reply)
            await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()
            is_over.set()

    async with await asyncio.start_server(serve, ADDRESS, 50051):
        assert await GRPC(50051).attempt(target(), seconds) == outcome
        await is_over.wait()


async def test_a_refused_connection_is_a_failure() -> None:
    text = f'error: failed to connect service at "{ADDRESS}:50052": connection refused'
    assert await GRPC(50052).attempt(target(), 1) == (False, text)


def target() -> ProbeTarget:
    runner = ProcessRunner({"KUBESVC_STATE": str(Path.cwd())})
    return ProbeTarget(ADDRESS, {}, DirectNetwork(), runner, ProcessSpec)

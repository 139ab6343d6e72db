"""HTTP/2 without TLS as a probe speaks it; the answers are those of Go's server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.helpers.direct_network import DirectNetwork

from kubelet import http2
from kubelet.pod.probes import ProbeOutcome
from kubelet.process.runner import ProcessRunner
from kubelet.runtime.prober import read_handler
from kubelet.runtime.prober.target import ProbeTarget
from kubelet.spec.process import ProcessSpec

ADDRESS = "127.246.12.1"
SETTINGS = bytes.fromhex("00001e0400000000000005001000000003000000fa000600100140000100001000000400100000")
ACK = bytes.fromhex("000000040100000000")
TEAPOT = bytes.fromhex(
    "0000350104000000014e033431385f92497ca58ae819aafb50938ec415305a99567b5c0231396196dd6d5f4a09f5349f"
)
TEAPOT += bytes.fromhex("ba82009c502fdc683700253168df")


def headers(block: str, flags: int = http2.END_HEADERS) -> bytes:
    return http2.frame(http2.HEADERS, flags, 1, bytes.fromhex(block))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (headers("88"), 200),
        (headers("8d"), 404),
        (headers("4803353033"), 503),
        (headers("4e83682f7f"), 418),
        (headers("0803323939"), 299),
        (headers("00073a737461747573" + "03323031"), 201),
        (headers("2088"), 200),
        (headers("02880000", http2.END_HEADERS | http2.PADDED), 200),
        (headers("000000000088", http2.END_HEADERS | http2.PRIORITY), 200),
        (headers("40"), None),
        (headers("82"), None),
        (headers(""), None),
    ],
)
def test_the_status_is_the_first_header_in_whatever_form(sent: bytes, status: int | None) -> None:
    received = http2.FrameBuffer()
    received.put(sent)
    found = received.take()
    assert found is not None and http2.read_status(found) == status


@pytest.mark.parametrize("size", [1, 1000])
def test_a_real_answer_in_any_pieces_is_understood(size: int) -> None:
    received, found = http2.FrameBuffer(), []
    for start in range(0, len(SETTINGS + ACK + TEAPOT), size):
        received.put((SETTINGS + ACK + TEAPOT)[start : start + size])
        while (each := received.take()) is not None:
            found.append((each.type, http2.read_status(each) if each.type == http2.HEADERS else http2.reply_to(each)))
    assert found == [(http2.SETTINGS, ACK), (http2.SETTINGS, b""), (http2.HEADERS, 418)]


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        pytest.param([SETTINGS, headers("8a")], ProbeOutcome(True), id="partial content"),
        pytest.param(
            [SETTINGS, headers("4803313033"), headers("4803353033")],
            ProbeOutcome(False, "HTTP probe failed with statuscode: 503"),
            id="after an early hint",
        ),
        pytest.param([SETTINGS], ProbeOutcome(False, f'Get "http://{ADDRESS}:8080/up": EOF'), id="closes"),
    ],
)
async def test_a_probe_asks_by_http_2(answers: list[bytes], outcome: ProbeOutcome, tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(1000))
        writer.write(b"".join(answers))
        writer.close()

    target = ProbeTarget(
        ADDRESS,
        {},
        DirectNetwork(),
        ProcessRunner({"KUBESVC_STATE": str(tmp_path)}),
        lambda words: ProcessSpec(words, {}),
    )
    async with await asyncio.start_server(serve, ADDRESS, 8080):
        handler = read_handler({"httpGet": {"path": "/up", "port": 8080, "protocol": "HTTP2"}})
        assert await handler.attempt(target, 5) == outcome
    assert asked[0].startswith(http2.PREFACE) and b"/up" in asked[0] and b"kube-probe/1.37" in asked[0]

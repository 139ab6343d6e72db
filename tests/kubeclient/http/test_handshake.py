"""The request for an upgrade, and the head of its answer."""

from __future__ import annotations

import pytest

from kubeclient.http.handshake import (
    SPDY,
    WEBSOCKET,
    Upgrade,
    check_upgrade,
    upgrade_request,
)
from kubeclient.http.messages import Answer

KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The example of RFC 6455 1.3."""
TUNNEL = Upgrade(WEBSOCKET, ["SPDY/3.1+portforward.k8s.io"])
STREAMS = Upgrade(SPDY, ["portforward.k8s.io"])


def test_an_upgrade_is_asked_for_in_the_words_of_kubectl() -> None:
    sent = upgrade_request("/x?a=b", "api.test:6443", [("Authorization", "Bearer t")], TUNNEL, KEY).decode()
    assert sent.split("\r\n") == [
        "GET /x?a=b HTTP/1.1",
        "Authorization: Bearer t",
        "Host: api.test:6443",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io",
        "",
        "",
    ]
    sent = upgrade_request("/x", "h", [], STREAMS, "").decode()
    assert sent.startswith("POST /x HTTP/1.1\r\n")
    assert "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n" in sent


ACCEPTED = {"upgrade": "WebSocket", "sec-websocket-accept": ACCEPT, "sec-websocket-protocol": TUNNEL.protocols[0]}
ANSWERS = {
    "accepted": (ACCEPTED, TUNNEL, TUNNEL.protocols[0]),
    "other-upgrade": ({**ACCEPTED, "upgrade": "h2c"}, TUNNEL, None),
    "other-key": ({**ACCEPTED, "sec-websocket-accept": "x"}, TUNNEL, None),
    "no-protocol": ({**ACCEPTED, "sec-websocket-protocol": ""}, TUNNEL, None),
    "spdy": ({"upgrade": "SPDY/3.1", "x-stream-protocol-version": "portforward.k8s.io"}, STREAMS, "portforward.k8s.io"),
    "spdy-without": ({"upgrade": "SPDY/3.1"}, STREAMS, None),
}


@pytest.mark.parametrize(("headers", "wanted", "chosen"), ANSWERS.values(), ids=ANSWERS)
def test_the_upgrade_must_be_the_wanted_one(headers: dict[str, str], wanted: Upgrade, chosen: str | None) -> None:
    answer = Answer(101, "", headers)
    if chosen is not None:
        assert check_upgrade(answer, wanted, KEY) == chosen
    else:
        with pytest.raises(ConnectionError):
            check_upgrade(answer, wanted, KEY)

"""Conversations over a fake wire: what each peer does, and what the proxy makes the other see."""

from __future__ import annotations

import pytest

from kubeproxy.userspace.tcp.relay import (
    DIAL_TIMEOUTS,
    EARLY_BYTES_LIMIT,
    TRANSITIONS,
    Action,
    Event,
    Relay,
    RelayState,
    Side,
)

CLIENT, UPSTREAM = Side.CLIENT, Side.UPSTREAM


class Wire:
    """Two peers and a relay between them. A peer takes ``room`` bytes and then no more; its log is what it saw."""

    def __init__(self) -> None:
        self.relay = Relay()
        self.seen = {CLIENT: b"", UPSTREAM: b""}
        self.room = {CLIENT: 10**9, UPSTREAM: 10**9}
        self.log: list[str] = []
        self._do(self.relay.dial())

    def state(self) -> RelayState:
        """Where in its life the connection is."""
        return self.relay.state

    def answers(self) -> Wire:
        """The endpoint accepts; what was said early is sent."""
        self._do(self.relay.connected())
        return self.takes(UPSTREAM, 0)

    def refuses(self) -> Wire:
        """The endpoint refuses."""
        self._do(self.relay.dial())
        return self

    def says(self, side: Side, words: bytes) -> Wire:
        """``side`` sends; nothing happens unless the relay reads."""
        assert self.relay.can_read(side), f"{side.name} is not read"
        if not self.relay.is_connected:
            self.relay.early(words)
            return self
        to = Side(1 - side)
        taken = self._take(to, words)
        if taken < len(words):
            self.relay.stalled(to, words[taken:])
        return self

    def takes(self, side: Side, room: int) -> Wire:
        """``side`` makes room for more bytes."""
        self.room[side] += room
        if self.relay.must_write(side):
            self._do(self.relay.sent(side, self._take(side, self.relay.unsent[side])))
        return self

    def ends(self, side: Side) -> Wire:
        """``side`` sends FIN."""
        assert self.relay.can_read(side), f"{side.name} is not read"
        self._do(self.relay.ended(side))
        return self

    def resets(self) -> Wire:
        """A peer sends RST."""
        self._do(self.relay.fail())
        return self

    def _take(self, side: Side, words: bytes) -> int:
        taken = min(self.room[side], len(words))
        self.room[side] -= taken
        self.seen[side] += words[:taken]
        return taken

    def _do(self, action: Action | None) -> None:
        if action is not None:
            self.log.append(action.value)


def test_a_conversation_goes_through_and_ends() -> None:
    wire = Wire().answers().says(CLIENT, b"hello").says(UPSTREAM, b"hi").ends(CLIENT)
    assert wire.state() is RelayState.CLIENT_ENDED
    wire.says(UPSTREAM, b" bye").ends(UPSTREAM)
    assert wire.seen == {UPSTREAM: b"hello", CLIENT: b"hi bye"}
    assert wire.log == ["dial", "shut upstream", "close"]
    assert wire.state() is RelayState.CLOSED


def test_the_endpoint_may_end_first() -> None:
    wire = Wire().answers().ends(UPSTREAM).says(CLIENT, b"more").ends(CLIENT)
    assert wire.log == ["dial", "shut client", "close"]
    assert wire.seen[UPSTREAM] == b"more"


def test_what_a_client_says_early_waits_for_the_endpoint() -> None:
    wire = Wire().says(CLIENT, b"GET ").says(CLIENT, b"/")
    assert wire.state() is RelayState.CONNECTING
    wire.answers()
    assert wire.seen[UPSTREAM] == b"GET /"
    assert wire.state() is RelayState.ESTABLISHED


def test_a_client_that_says_too_much_early_is_not_read_until_the_endpoint_answers() -> None:
    wire = Wire().says(CLIENT, b"x" * EARLY_BYTES_LIMIT)
    assert not wire.relay.can_read(CLIENT)
    wire.answers()
    assert wire.relay.can_read(CLIENT)


def test_a_client_that_ends_early_ends_after_its_words() -> None:
    wire = Wire().says(CLIENT, b"bye").ends(CLIENT)
    assert wire.log == ["dial"]
    wire.answers()
    assert wire.seen[UPSTREAM] == b"bye"
    assert wire.log == ["dial", "shut upstream"]


def test_a_silent_client_that_ends_early_ends_the_endpoints_stream() -> None:
    assert Wire().ends(CLIENT).answers().log == ["dial", "shut upstream"]


def test_there_are_four_attempts_with_growing_time_outs_and_then_a_reset() -> None:
    wire = Wire()
    timeouts = [wire.relay.dial_timeout, *(wire.refuses().relay.dial_timeout for _ in range(3))]
    assert timeouts == list(DIAL_TIMEOUTS)
    assert wire.refuses().log == ["dial"] * 4 + ["reset"]
    assert wire.state() is RelayState.CLOSED


def test_early_words_survive_an_endpoint_that_refuses() -> None:
    wire = Wire().says(CLIENT, b"hello").refuses().answers()
    assert wire.seen[UPSTREAM] == b"hello"


@pytest.mark.parametrize("slow", Side, ids=lambda side: side.name.lower())
def test_a_slow_peer_stops_the_reading_of_the_other_but_not_of_itself(slow: Side) -> None:
    wire, source = Wire().answers(), Side(1 - slow)
    wire.room[slow] = 3
    wire.says(source, b"abcdef")
    assert not wire.relay.can_read(source)
    assert wire.relay.can_read(slow)
    assert wire.takes(slow, 2).seen[slow] == b"abcde"
    assert not wire.relay.can_read(source)
    assert wire.takes(slow, 9).seen[slow] == b"abcdef"
    assert wire.relay.can_read(source)
    assert not wire.relay.must_write(slow)


def test_an_end_waits_until_a_slow_peer_has_taken_everything() -> None:
    wire = Wire().answers()
    wire.room[UPSTREAM] = 1
    wire.says(CLIENT, b"ab").ends(UPSTREAM)
    assert wire.log == ["dial", "shut client"]
    wire.takes(UPSTREAM, 5).ends(CLIENT)
    assert wire.log == ["dial", "shut client", "close"]


def test_a_connection_that_both_have_ended_drains_to_the_slow_one() -> None:
    wire = Wire().answers()
    wire.ends(CLIENT)
    wire.room[CLIENT] = 2
    wire.says(UPSTREAM, b"abcd")
    wire.relay.ended(UPSTREAM)
    assert wire.state() is RelayState.CLIENT_ENDED  # until the slow client has taken all
    assert not any(wire.relay.can_read(side) for side in Side)
    wire.takes(CLIENT, 5)
    assert wire.seen[CLIENT] == b"abcd"
    assert wire.log[-1] == "close"


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(Wire(), id="connecting"),
        pytest.param(Wire().answers(), id="established"),
        pytest.param(Wire().answers().ends(CLIENT), id="half-closed"),
    ],
)
def test_a_reset_ends_both_sides_in_any_state(wire: Wire) -> None:
    assert wire.resets().log[-1] == "reset"
    assert wire.state() is RelayState.CLOSED
    assert not any(wire.relay.can_read(side) or wire.relay.must_write(side) for side in Side)


def test_every_open_state_can_fail_and_a_closed_one_stays_closed() -> None:
    states = {before for before, event in TRANSITIONS if event is Event.FAILURE}
    assert states == set(RelayState) - {RelayState.CLOSED}
    assert {after for (_, event), after in TRANSITIONS.items() if event is Event.FAILURE} == {
        (RelayState.CLOSED, Action.RESET)
    }


def test_a_connection_is_closed_in_order_only_when_both_ends_have_been_passed_on() -> None:
    closing = {(before, event) for (before, event), (_, action) in TRANSITIONS.items() if action is Action.CLOSE}
    assert closing == {
        (RelayState.CLIENT_ENDED, Event.UPSTREAM_END),
        (RelayState.UPSTREAM_ENDED, Event.CLIENT_END),
    }

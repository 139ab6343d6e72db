"""``StreamOwner``: where the bytes of one stream of a multiplexed connection go. Pure."""

from __future__ import annotations

from typing import Protocol

BACKLOG_HIGH, BACKLOG_LOW = 1024 * 1024, 256 * 1024
"""Bytes of one stream that its owner keeps for a slow reader: when it stalls the stream, and when it lets it go on."""


class StreamOwner(Protocol):
    """Where one stream's bytes go. Nothing is called after ``broken``; none of these may raise.

    ``carries_data`` tells whether somebody waits for the bytes, so that a slow reader of another stream harms.
    """

    carries_data: bool

    def received(self, content: bytes) -> None:
        """Take bytes from the peer."""
        ...

    def ended(self) -> None:
        """Know that the peer sends no more on this stream."""
        ...

    def broken(self, reason: str) -> None:
        """Know that the stream is over in both directions: it was reset, or the connection is gone."""
        ...

    def pause(self) -> None:
        """Send no more until ``resume``: the connection is full."""
        ...

    def resume(self) -> None:
        """Send again."""
        ...

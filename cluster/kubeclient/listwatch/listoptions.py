"""The parameters of watches: metav1.ListOptions as client-go's reflector sends them. Pure."""

from __future__ import annotations

from random import Random

WATCH_SECONDS = 300.0
"""The shortest watch that is asked for; the longest is twice that (reflector's minWatchTimeout). A server that was
restarted gets its watchers back by and by."""
SHORT_WATCH_SECONDS = 10.0
"""A watch through a proxy that holds answers back until they end: events are late by this at most."""


def watch_params(resource_version: str, rng: Random, *, is_short: bool = False) -> dict[str, str]:
    """Return the parameters of a watch that goes on from a version."""
    seconds = SHORT_WATCH_SECONDS if is_short else WATCH_SECONDS * (1.0 + rng.random())
    return {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": resource_version,
        "timeoutSeconds": str(int(seconds)),
    }


def initial_params(rng: Random) -> dict[str, str]:
    """Return the parameters of a watch that begins with all objects (WatchList, KEP-3157)."""
    streamed = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
    return {**watch_params("", rng), **streamed}


def is_behind(current: str, known: str) -> bool:
    """Tell whether a server's current version is older than one that it, or its predecessor, has sent.

    Versions of one resource are comparable if they are decimal numbers (KEP-5504). A server behind its own word has
    another history: etcd was restored from a backup.
    """
    if not (current.isascii() and known.isascii() and current.isdigit() and known.isdigit()):
        return False
    return int(current) < int(known)

"""What a built-in server has to do, as JSON carries it to the process that becomes the server. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

LOW_PORTS_END = 1024
"""Ports below this one need a privilege; where the user lacks it, all of them have moved by the same number."""


class ServerError(Exception):
    """A built-in server cannot start; the text is for the user."""


class ServerPlan(NamedTuple):
    """One server: its kind, the ports that it binds on its address, and its own options, all plain JSON.

    ``tls`` are TCP ports too. The fields of ``options`` are those that ``prepare`` asks for, by ``server``.
    """

    server: str
    tcp: Sequence[int]
    udp: Sequence[int]
    tls: Sequence[int]
    options: Mapping[str, Any]


def plan_server(
    server: str, tcp: Sequence[int] = (), udp: Sequence[int] = (), tls: Sequence[int] = (), **options: Any
) -> ServerPlan:
    """Return a plan, ports and options left out where there are none."""
    return ServerPlan(server, tcp, udp, tls, options)


def plan_refusal(text: str, code: int) -> ServerPlan:
    """Return the plan of a program that writes a text to stderr and exits, as arguments are wrong."""
    return plan_server("refuse", text=text, code=code)

"""The arguments of `kubesvc bench`, in a file of their own, which both the command and what it runs import."""

from __future__ import annotations

from typing import TypedDict


class BenchArguments(TypedDict):
    """The options of `kubesvc bench`, by their names here."""

    rate: str
    ramp: str
    steps: str
    closed: int
    replay: str
    is_poisson: bool
    duration: float
    warmup: float
    seed: int
    path: str | None
    is_tcp: bool
    is_udp: bool
    dns_name: str | None
    payload: str
    connections: int
    most_connections: int
    has_new_connections: bool
    headers: tuple[str, ...]
    keys: int
    sources: int
    timeout: float
    compare: str
    blocks: int
    slo: str
    json_file: str
    hdr_file: str
    html_file: str
    is_inside: bool
    is_simulated: bool
    is_both: bool
    backends: tuple[str, ...]
    file: str
    balancer: str
    clients: int
    delay: float
    reproduce: str
    has_sockets: bool
    namespace: str
    name: str

"""What the algorithms that hash have in common: which text of a connection or request they hash.

A request that does not have the header, cookie or query parameter is hashed by its source address, so that its client
stays where it is. HAProxy gives such requests their turns instead, and Envoy leaves them to chance.
"""

from __future__ import annotations

from collections.abc import Callable

from kubeapi.balancing import HASH_ON
from kubehost.addresses import join_host_port
from kubeproxy.balancers.balancer import Ask, Options


def hashed_text(options: Options) -> Callable[[Ask], str]:
    """Return what gives the text to hash by the option ``hash_on``: an address, ``address:port``, or part of a request.

    The proxy has read the part of a request into ``Ask.key``, which is "" where nothing of requests is hashed.
    """
    return {"source_port": _source_port, "destination": _destination}.get(str(options[HASH_ON]), _source)


def _source(ask: Ask) -> str:
    return ask.key or ask.client


def _source_port(ask: Ask) -> str:
    return join_host_port(ask.client, ask.client_port)


def _destination(ask: Ask) -> str:
    return ask.destination.address

"""The messages between the proxy's own process and its workers. Pure; ``channel`` carries them.

To a worker: ``Begin`` first, then ``Apply``, ``Listen`` (with a socket), ``Update``, ``Close``, ``Attach``,
``EndElsewhere``, ``Ask``, ``Follow`` and at the end ``Drain``. From a worker: ``Closed``, ``Answer``, ``Happened``,
``Failed`` and ``Short``.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from kubeapi.failures import Subject
from kubeapi.meta import ObjectKey
from kubehost.network import Network
from kubeproxy.rules import Listener, PortRule, Rules
from kubeproxy.rules.nodes import Node
from kubeproxy.rules.policies import Policies
from kubeproxy.telemetry.recent import ConnectionRecord
from kubeproxy.types import ServicePortName
from kubeproxy.userspace.carrier import Spot
from kubeproxy.userspace.workers.sharing import Block


class Begin(NamedTuple):
    """The first message: the worker is number ``place`` of ``width``; all workers have the same ``seed``."""

    place: int
    width: int
    seed: int
    network: Network
    default_balancer: str


class Apply(NamedTuple):
    """The rules of the Services that changed, () for one that is gone, and the shared rows of their Service ports."""

    changed: dict[ObjectKey, tuple[PortRule, ...]]
    nodes: tuple[Node, ...]
    blocks: dict[ServicePortName, Block | None]
    policies: Policies | None = None
    """None for those of before."""


class Listen(NamedTuple):
    """Own the socket that comes with the message, which is bound in ``place``, and serve its clients."""

    listener: Listener
    place: str


class Update(NamedTuple):
    """Apply a listener's changed settings to its new clients in ``place``."""

    listener: Listener
    place: str


class Close(NamedTuple):
    """Accept what is queued at a spot, then close its socket; answered by ``Closed``."""

    spot: Spot


class Closed(NamedTuple):
    """The worker has no socket of that spot any more."""

    spot: Spot


class Attach(NamedTuple):
    """Take sockets of the pods' networks from the channel that comes with the message (``Network.attach``)."""


class EndElsewhere(NamedTuple):
    """End the connections and flows that are not in the host's network alone."""


class Question(Enum):
    """What the proxy asks a worker; APPLIED is answered when all messages before it are obeyed."""

    APPLIED = "applied"
    COUNTED = "counted"
    RECORDS = "records"
    TRACE = "trace"


class Ask(NamedTuple):
    """A question; ``subject`` is the packet of a trace. Answered in the order of all messages by ``Answer``."""

    number: int
    question: Question
    subject: Any = None


class Answer(NamedTuple):
    """Answers the ``Ask`` of the same ``number``; ``value`` is None, ``Counted``, a list of records or a ``Trace``."""

    number: int
    value: Any


class Follow(NamedTuple):
    """Begin to send ``Happened``, or stop."""

    is_wanted: bool


class Happened(NamedTuple):
    """Connections that have begun or ended, and how many there was no room for."""

    records: list[ConnectionRecord]
    missed: int


class Failed(NamedTuple):
    """A failure of the worker (``kubeapi.failures``), with its traceback; "" that it is over."""

    component: str
    about: Subject | str
    error: str
    traceback: str


class Short(NamedTuple):
    """New clients wait, because others have taken all the files that clients may take."""


class Drain(NamedTuple):
    """Give the connections ``seconds`` to end, reset the rest, and end."""

    seconds: float


def apply_changes(rules: Rules, ports: dict[ServicePortName, Block | None], policies: Policies | None = None) -> Apply:
    """Return what brings a worker to ``rules``, which differ in ``ports``, and in ``policies`` unless they are None."""
    services = dict.fromkeys(each.service for each in ports)
    changed = {service: tuple(rules.ports[each] for each in rules.by_service.get(service, ())) for service in services}
    return Apply(changed, rules.nodes.all, ports, policies)

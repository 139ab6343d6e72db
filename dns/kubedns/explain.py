"""Why a name is answered as it is: the lookups of a pod's resolver, and sentences for the Handler's reasons. Pure.

The walk through a search list is that of resolv.conf(5) with the kubelet's ndots:5. Every answer is the Handler's own;
nothing about it is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import NamedTuple

from kubedns.config import DNSConfig
from kubedns.handler import Handler
from kubedns.names import is_below, labels_of, packed_address, text_of, wire_of
from kubedns.rdata import record_line
from kubedns.reasons import reasons_of
from kubedns.types import CLASS_IN, Answer, Labels, QType, Query, RCode, Why
from kubehost.addresses import Address

NDOTS = 5
"""Names with fewer dots go through the search list first (the kubelet's resolv.conf for pods)."""

CanAsk = Callable[[Labels], bool]


class Lookup(NamedTuple):
    """One name that was looked up. ``rcode`` is NODATA for NOERROR without an answer, UPSTREAM if others are asked.

    ``answers`` and ``additional`` are lines of a zone file, ``reasons`` sentences.
    """

    name: str
    type: str
    rcode: str
    answers: tuple[str, ...]
    additional: tuple[str, ...]
    reasons: tuple[str, ...]


class Explanation(NamedTuple):
    """A resolver's lookups for a name; the last one is the result."""

    lookups: tuple[Lookup, ...]
    notes: tuple[str, ...]


class Explainer:
    """Explains the answers of one Handler; ``can_ask`` tells whether a name outside has an upstream."""

    def __init__(self, handler: Handler, config: DNSConfig, can_ask: CanAsk) -> None:
        self._handler = handler
        self._config = config
        self._zone = labels_of(wire_of(config.zone))
        self._can_ask = can_ask

    def explain(self, name: str, qtype: QType, namespace: str) -> Explanation:
        """Explain a name as a pod of ``namespace`` would ask for it; ValueError for what is no name.

        An address stands for its reverse name.
        """
        if packed_address(name) is not None:
            return Explanation((self._look_up(f"{ip_address(name).reverse_pointer}.", QType.PTR),), ())
        is_short = not name.endswith(".") and name.count(".") < NDOTS
        if not is_short or is_below(labels_of(wire_of(name)), self._zone):
            note = f"With fewer than {NDOTS} dots, a pod's resolver tries the names of its search list before."
            return Explanation((self._look_up(name, qtype),), (note,) if is_short else ())
        lookups = tuple(self._walk(name, qtype, namespace))
        notes = [f"{name} has fewer than {NDOTS} dots: a pod in namespace {namespace} tries its search list first."]
        if any(each.rcode == "NODATA" for each in lookups[:-1]):
            notes.append("glibc's resolver goes on after NODATA, musl's (Alpine) stops there.")
        return Explanation(lookups, tuple(notes))

    def _walk(self, name: str, qtype: QType, namespace: str) -> Iterator[Lookup]:
        """Yield the lookups with each suffix of the search list, until one is answered."""
        zone = self._config.zone
        for suffix in (f"{namespace}.svc.{zone}", f"svc.{zone}", zone, ""):
            lookup = self._look_up(f"{name}.{suffix}".rstrip(".") + ".", qtype)
            yield lookup
            if lookup.answers or lookup.rcode == "UPSTREAM":
                return

    def _look_up(self, name: str, qtype: QType) -> Lookup:
        wire = wire_of(name)
        query = Query(0, 0, wire, labels_of(wire), qtype, CLASS_IN, None, is_plain=True)
        answer = self._handler.answer(query)
        is_asked = answer.is_outside and self._can_ask(query.labels)
        rcode = "UPSTREAM" if is_asked else answer.rcode.name
        if rcode == "NOERROR" and not answer.answers:
            rcode = "NODATA"
        answers, additional = tuple(map(record_line, answer.answers)), tuple(map(record_line, answer.additional))
        reasons = tuple(self._reasons(query, answer, is_asked=is_asked))
        return Lookup(text_of(wire), qtype.name, rcode, answers, additional, reasons)

    def _servers(self, labels: Labels) -> tuple[Address, ...]:
        """Return the upstreams of a name: those of the longest domain that it is in."""
        domains = {labels_of(wire_of(domain)): forward.servers for domain, forward in self._config.forwards.items()}
        return next((domains[labels[at:]] for at in range(len(labels) + 1) if labels[at:] in domains), ())

    def _reasons(self, query: Query, answer: Answer, *, is_asked: bool) -> Iterator[str]:
        if answer.rcode == RCode.SERVFAIL and not answer.is_outside:
            yield "The name server has not yet learned of all objects, so it does not say that a name does not exist."
        if not (is_asked and answer.why is Why.OUTSIDE):
            yield from reasons_of(query, answer, self._config.zone, self._handler.lookup.records)
        if is_asked:
            servers = ", ".join(f"{host}:{port}" for host, port in self._servers(query.labels))
            yield f"It is not the cluster's to answer: the upstream name servers are asked ({servers})."

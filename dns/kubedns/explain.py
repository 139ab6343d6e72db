"""Why a name is answered as it is: `kubesvc trace --dns`. Pure; every answer is the Handler's own.

The walk through a search list is that of a pod's resolver (ndots:5, resolv.conf(5)); the sentences say how the name
reads (``names``), which object it stands for, and what is missing. Decides nothing about an answer.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from ipaddress import ip_address
from typing import NamedTuple

from kubedns.config import DNSConfig
from kubedns.handler import Handler
from kubedns.names import (
    REVERSE_V4,
    REVERSE_V6,
    ZoneName,
    is_below,
    labels_of,
    packed_address,
    parse_name,
    pod_address,
    text_of,
    wire_of,
)
from kubedns.records import ServiceRecord
from kubedns.types import CLASS_IN, Answer, Labels, QType, Query, RCode, Record

NDOTS = 5
"""Names with fewer dots go through the search list first (the kubelet's resolv.conf for pods)."""

_MOST_NAMED = 6
_ADDRESS_TYPES = {QType.A: "IPv4", QType.AAAA: "IPv6"}
_FIXED = ((), (b"dns-version",), (b"ns", b"dns"))
"""The names below the zone, beside those of Services and pods, that exist."""

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
    """What a resolver does with a name, lookup by lookup; the last one is the result."""

    lookups: tuple[Lookup, ...]
    notes: tuple[str, ...]


class Explainer:
    """Explains the answers of one Handler; ``can_ask`` tells whether a name outside has an upstream."""

    def __init__(self, handler: Handler, config: DNSConfig, can_ask: CanAsk) -> None:
        self._handler = handler
        self._config = config
        self._records = handler.records
        self._zone = labels_of(wire_of(config.zone))
        self._can_ask = can_ask

    def explain(self, name: str, qtype: QType, namespace: str) -> Explanation:
        """Explain a name as a pod of ``namespace`` would ask for it; ValueError for what is no name.

        An address stands for its reverse name.
        """
        if packed_address(name) is not None:
            return Explanation((self._look_up(f"{ip_address(name).reverse_pointer}.", QType.PTR),), ())
        labels = labels_of(wire_of(name))
        search = [f"{namespace}.svc.{self._config.zone}", f"svc.{self._config.zone}", self._config.zone]
        if name.endswith(".") or is_below(labels, self._zone) or name.count(".") >= NDOTS:
            notes: tuple[str, ...] = ()
            if not name.endswith(".") and name.count(".") < NDOTS:
                notes = (f"With fewer than {NDOTS} dots, a pod's resolver tries the names of its search list before.",)
            return Explanation((self._look_up(name, qtype),), notes)
        lookups: list[Lookup] = []
        for suffix in (*search, ""):
            lookups.append(self._look_up(f"{name}.{suffix}".rstrip(".") + ".", qtype))
            if lookups[-1].answers or lookups[-1].rcode == "UPSTREAM":
                break
        said = [f"{name} has fewer than {NDOTS} dots: a pod in namespace {namespace} tries its search list first."]
        if any(each.rcode == "NODATA" for each in lookups[:-1]):
            said.append("glibc's resolver goes on after NODATA, musl's (Alpine) stops there.")
        return Explanation(tuple(lookups), tuple(said))

    def _look_up(self, name: str, qtype: QType) -> Lookup:
        wire = wire_of(name)
        query = Query(0, 0, wire, labels_of(wire), qtype, CLASS_IN, None, is_plain=True)
        answer = self._handler.answer(query)
        is_asked = answer.is_outside and self._can_ask(query.labels)
        rcode = "UPSTREAM" if is_asked else answer.rcode.name
        if rcode == "NOERROR" and not answer.answers:
            rcode = "NODATA"
        reasons = tuple(self._reasons(query, answer, is_asked=is_asked))
        answers, additional = tuple(map(record_line, answer.answers)), tuple(map(record_line, answer.additional))
        return Lookup(text_of(wire), qtype.name, rcode, answers, additional, reasons)

    def _reasons(self, query: Query, answer: Answer, *, is_asked: bool) -> Iterator[str]:
        labels = query.labels
        if answer.rcode == RCode.SERVFAIL:
            yield "The name server has not yet learned of all objects, so it does not say that a name does not exist."
        if labels[-2:] in (REVERSE_V4, REVERSE_V6):
            yield from self._reverse(answer)
        elif is_below(labels, self._zone) and not answer.is_outside and answer.rcode != RCode.REFUSED:
            yield from self._in_zone(labels[: len(labels) - len(self._zone)], query.type, answer)
        elif answer.answers:
            yield "It is one of the hosts outside the cluster that the configuration names."
        elif answer.rcode == RCode.REFUSED and not answer.is_outside:
            yield "Whole zones are not handed out."
        elif not is_asked:
            yield f"It is not below {self._config.zone}, and there is no upstream name server to ask."
        if is_asked:
            servers = ", ".join(f"{host}:{port}" for host, port in self._config.upstreams) or "of a stub domain"
            yield f"It is not the cluster's to answer: the upstream name servers are asked ({servers})."

    def _reverse(self, answer: Answer) -> Iterator[str]:
        if answer.answers:
            yield "The address is that of a Service or of its ready endpoints."
        elif answer.rcode == RCode.NXDOMAIN:
            yield (
                "No Service has the address as its cluster IP, and it is no ready endpoint of a Service "
                "(pods that no Service selects, and load-balancer addresses, have no reverse name)."
            )

    def _in_zone(self, below: Labels, qtype: int, answer: Answer) -> Iterator[str]:
        if qtype == QType.SOA and below:
            yield f"Only {self._config.zone} has a start of authority; below it, CoreDNS says no more than that."
        if qtype == QType.TXT and answer.rcode == RCode.NXDOMAIN:
            yield "Asked for TXT, CoreDNS denies every name that is no Service's, endpoint's or pod's."
        parsed = parse_name(below)
        if parsed is None:
            yield from self._unread(below)
            return
        if not parsed.namespace:
            yield f'"{_text(parsed.kind)}" alone is nothing that has records.'
            return
        namespace = _text(parsed.namespace)
        if parsed.namespace not in self._records.namespaces:
            yield f"There is no namespace {namespace}{_near(namespace, map(_text, self._records.namespaces))}."
        elif not parsed.service:
            yield f"It is the namespace {namespace}, which has no records of its own."
        elif parsed.kind == b"pod":
            yield from self._pod(parsed, qtype, answer)
        else:
            yield from self._service(parsed, qtype, answer)

    def _unread(self, below: Labels) -> Iterator[str]:
        if below in _FIXED:
            yield "It is one of the zone's own names."
            return
        text = _text(b".".join(below))
        if below[-1] in (b"svc", b"pod"):
            yield (
                f"{text} has too many labels: NAME.NAMESPACE.{_text(below[-1])}, ENDPOINT.NAME.NAMESPACE.svc and "
                "_PORT._PROTOCOL.NAME.NAMESPACE.svc are names."
            )
            return
        yield f'Below {self._config.zone} names end in "svc" or "pod", and {text} ends in "{_text(below[-1])}".'
        if len(below) == 2 and (below[1], below[0]) in self._records.services:
            yield f"There is a Service of that name: {text}.svc.{self._config.zone}."

    def _pod(self, parsed: ZoneName, qtype: int, answer: Answer) -> Iterator[str]:
        label = _text(parsed.service)
        if self._config.pods == "disabled":
            yield "Names of pods are switched off."
            return
        packed = pod_address(parsed.service)
        if packed is None:
            yield f"{label} is no address: pods' names are their addresses with dashes, as 10-244-1-5."
            return
        address = ip_address(packed)
        if answer.rcode == RCode.NXDOMAIN:
            yield f"No pod in namespace {_text(parsed.namespace)} has the address {address}."
        else:
            yield f"It is the name of the address {address}, whether a pod has it or not."
            yield from _without_data(f"A pod's name with an IPv{address.version} address", qtype, answer)

    def _service(self, parsed: ZoneName, qtype: int, answer: Answer) -> Iterator[str]:
        key = parsed.namespace, parsed.service
        said = f"Service {_text(parsed.namespace)}/{_text(parsed.service)}"
        record = self._records.services.get(key)
        if record is None:
            yield from self._no_service(parsed)
        elif record.external_name is not None:
            yield from self._external_name(said, record, parsed, answer)
        elif parsed.endpoint:
            yield from self._endpoint(said, parsed, qtype, answer)
        elif parsed.port:
            yield from self._port(said, record, parsed, qtype, answer)
        elif record.is_headless:
            yield from self._headless(said, key, qtype, answer)
        else:
            if answer.rcode == RCode.NXDOMAIN:
                yield f"{said} has no ready endpoint, and such Services are left out of DNS."
            else:
                yield f"It is {said}, of whose addresses DNS knows the cluster IP."
            yield from _without_data(said, qtype, answer)

    def _no_service(self, parsed: ZoneName) -> Iterator[str]:
        namespace, name = _text(parsed.namespace), _text(parsed.service)
        names = [_text(each) for space, each in self._records.services if space == parsed.namespace]
        yield f"There is no Service {name} in namespace {namespace}{_near(name, names)}."
        elsewhere = sorted(_text(space) for space, each in self._records.services if each == parsed.service)
        if elsewhere:
            yield f"There is one in namespace {_listed(elsewhere)}."

    def _external_name(self, said: str, record: ServiceRecord, parsed: ZoneName, answer: Answer) -> Iterator[str]:
        if not record.external_name:
            yield f"{said} is an ExternalName whose target is an address or no name: it has no alias."
        elif parsed.endpoint or parsed.port:
            yield f"{said} is an ExternalName: there is nothing below its name."
        else:
            yield f"{said} is an ExternalName: an alias of {text_of(record.external_name)}"
            if not answer.answers:
                yield "Its target has nothing of that type inside the cluster, so there is no alias either."
            elif answer.follow is not None:
                yield "The target is outside the cluster, where an upstream is asked for it."

    def _endpoint(self, said: str, parsed: ZoneName, qtype: int, answer: Answer) -> Iterator[str]:
        key = parsed.namespace, parsed.service
        found = sorted({_text(one.label) for each in self._records.slices_of(key) for one in each.endpoints})
        if answer.rcode == RCode.NXDOMAIN:
            having = f"they are {_listed(found)}" if found else "it has no ready endpoint"
            yield f"{said} has no ready endpoint of the name {_text(parsed.endpoint)}: {having}."
            return
        yield f"It is an endpoint of {said}."
        yield from _without_data("The endpoint", qtype, answer)

    def _port(self, said: str, record: ServiceRecord, parsed: ZoneName, qtype: int, answer: Answer) -> Iterator[str]:
        key = parsed.namespace, parsed.service
        ports = [port for each in self._records.slices_of(key) for port in each.ports]
        ports = ports if record.is_headless else list(record.ports)
        named = sorted({f"_{_text(each.name)}._{_text(each.protocol)}" for each in ports if each.name})
        asked = f"_{_text(parsed.port)}._{_text(parsed.protocol)}"
        if answer.rcode == RCode.NXDOMAIN:
            yield f"{said} has no port {asked}{' with a ready endpoint' if record.is_headless else ''}: " + (
                f"its ports are {_listed(named)}." if named else "it has no named ports."
            )
            return
        yield f"It is the port {asked} of {said}."
        yield from _without_data("The port", qtype, answer)

    def _headless(self, said: str, key: tuple[bytes, bytes], qtype: int, answer: Answer) -> Iterator[str]:
        if answer.rcode == RCode.NXDOMAIN:
            yield f"{said} is headless and has no ready endpoint: without one its name does not exist."
            return
        count = len({one.address for each in self._records.slices_of(key) for one in each.endpoints})
        yield f"{said} is headless: it has {count} ready endpoint{'' if count == 1 else 's'}, each an answer."
        yield from _without_data(said, qtype, answer)


def _without_data(subject: str, qtype: int, answer: Answer) -> Iterator[str]:
    """Yield why a name that exists has nothing of a type (NODATA)."""
    if answer.answers or answer.rcode != RCode.NOERROR:
        return
    family = _ADDRESS_TYPES.get(qtype)  # type: ignore[call-overload]  # any int may be asked for
    name = QType(qtype).name
    yield f"{subject} has no {family} address." if family else f"{subject} has no records of type {name}."


def record_line(record: Record) -> str:
    """Return a record as a line of a zone file."""
    return f"{text_of(record.name)} {record.ttl} IN {QType(record.type).name} {_rdata(record)}"


def _rdata(record: Record) -> str:
    rdata = record.rdata
    match record.type:
        case QType.A | QType.AAAA:
            return str(ip_address(rdata))
        case QType.SRV:
            priority, weight, port = struct.unpack(">HHH", rdata[:6])
            return f"{priority} {weight} {port} {text_of(rdata[6:])}"
        case QType.TXT:
            return f'"{rdata[1:].decode("ascii", "backslashreplace")}"'
        case QType.SOA:
            first = text_of(rdata)
            second = text_of(rdata[len(wire_of(first)) :])
            return " ".join([first, second, *map(str, struct.unpack(">5I", rdata[-20:]))])
    return text_of(rdata)


def _near(wanted: str, names: Sequence[str] | Iterator[str]) -> str:
    close = get_close_matches(wanted, list(names), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _text(label: bytes) -> str:
    return label.decode("ascii", "backslashreplace")

"""Sentences for the reasons of an answer (``types.Why``). Pure: reads the Handler's answer and decides nothing.

Beside the reason, a sentence may name what is there instead: a similar name, the ports or the endpoints that exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from kubeapi.similar import nearest
from kubedns.names import labels_of, pod_address, text_of, wire_of
from kubedns.records import ServiceKey
from kubedns.types import Answer, Labels, QType, Query, RCode, Why, ZoneName
from kubedns.zone import Records

_MOST_NAMED = 6
"""Names in a sentence; of more it gives the number."""

_ADDRESS_TYPES: dict[int, str] = {QType.A: "IPv4", QType.AAAA: "IPv6"}

_TEXTS = {
    Why.APEX: "It is one of the zone's own names.",
    Why.KIND: '"{kind}" alone is nothing that has records.',
    Why.NAMESPACE: "It is the namespace {namespace}, which has no records of its own.",
    Why.POD: "It is the name of the address {address}, whether a pod has it or not.",
    Why.CLUSTER_IP: "It is {subject}, of whose addresses DNS knows the cluster IP.",
    Why.HEADLESS: "{subject} is headless: it has {count}, each an answer.",
    Why.ENDPOINT: "It is an endpoint of {subject}.",
    Why.PORT: "It is the port {port} of {subject}.",
    Why.ALIAS: "{subject} is an ExternalName: an alias of {target}",
    Why.ALIAS_OUTSIDE: "{subject} is an ExternalName: an alias of {target}\n"
    "The target is outside the cluster, where an upstream is asked for it.",
    Why.ALIAS_WITHOUT_TARGET: "{subject} is an ExternalName: an alias of {target}\n"
    "Its target has nothing of that type inside the cluster, so there is no alias either.",
    Why.REVERSE: "The address is that of a Service or of its ready endpoints.",
    Why.HOST: "It is one of the hosts outside the cluster that the configuration names.",
    Why.UNKNOWN_KIND: 'Below {zone} names end in "svc" or "pod", and {below} ends in "{end}".{without_svc}',
    Why.TOO_MANY_LABELS: "{below} has too many labels: NAME.NAMESPACE.{end}, ENDPOINT.NAME.NAMESPACE.svc and "
    "_PORT._PROTOCOL.NAME.NAMESPACE.svc are names.",
    Why.NO_NAMESPACE: "There is no namespace {namespace}{near_namespace}.",
    Why.PODS_DISABLED: "Names of pods are switched off.",
    Why.NO_ADDRESS: "{service} is no address: pods' names are their addresses with dashes, as 10-244-1-5.",
    Why.NO_POD: "No pod in namespace {namespace} has the address {address}.",
    Why.NO_SERVICE: "There is no Service {service} in namespace {namespace}{near_service}.{elsewhere}",
    Why.INVALID_ALIAS: "{subject} is an ExternalName whose target is an address or no name: it has no alias.",
    Why.BELOW_ALIAS: "{subject} is an ExternalName: there is nothing below its name.",
    Why.NO_ENDPOINT: "{subject} has no ready endpoint of the name {endpoint}: {endpoints}.",
    Why.NO_PORT: "{subject} has no port {port}{if_ready}: {ports}.",
    Why.NO_READY_ENDPOINT: "{subject} is headless and has no ready endpoint: without one its name does not exist.",
    Why.LEFT_OUT: "{subject} has no ready endpoint, and such Services are left out of DNS.",
    Why.NO_REVERSE: "No Service has the address as its cluster IP, and it is no ready endpoint of a Service "
    "(pods that no Service selects, and load-balancer addresses, have no reverse name).",
    Why.TRANSFER: "Whole zones are not handed out.",
    Why.BELOW_APEX: "Only a reverse zone itself has a start of authority.",
    Why.OUTSIDE: "It is not below {zone}, and there is no upstream name server to ask.",
}
"""A sentence for each reason, or two with a line break between them; ``_FIELDS`` has what is put in."""

_WITHOUT_DATA = {
    Why.POD: "A pod's name with an {family} address",
    Why.CLUSTER_IP: "{subject}",
    Why.HEADLESS: "{subject}",
    Why.ENDPOINT: "The endpoint",
    Why.PORT: "The port",
}
"""The subject of the sentence that a name has no records of the type that was asked for."""

_NOT_IN_ZONE = frozenset((Why.REVERSE, Why.NO_REVERSE, Why.BELOW_APEX, Why.HOST, Why.TRANSFER, Why.OUTSIDE))


class _Facts(NamedTuple):
    """A name that was answered, and the cluster at that time; ``below`` are the name's labels left of the zone."""

    below: Labels
    name: ZoneName
    zone: str
    records: Records

    @property
    def service(self) -> ServiceKey:
        return self.name.namespace, self.name.service


class _Fields:
    """Computes a field of a sentence when the sentence has it."""

    def __init__(self, facts: _Facts) -> None:
        self._facts = facts

    def __getitem__(self, field: str) -> str:
        return _FIELDS[field](self._facts)


def reasons_of(query: Query, answer: Answer, zone: str, records: Records) -> Iterator[str]:
    """Yield sentences about the answer to a query, true at the time that it is made; ``zone`` is the cluster's."""
    below = query.labels[: len(query.labels) - len(labels_of(wire_of(zone)))]
    fields = _Fields(_Facts(below, answer.name or ZoneName(b""), zone, records))
    if answer.why not in _NOT_IN_ZONE:
        yield from _type_reasons(query.type, answer, zone)
    yield from _TEXTS[answer.why].format_map(fields).split("\n")
    if answer.why in _WITHOUT_DATA and answer.rcode == RCode.NOERROR and not answer.answers:
        subject, family = _WITHOUT_DATA[answer.why].format_map(fields), _ADDRESS_TYPES.get(query.type)
        missing = f"{family} address" if family else f"records of type {QType(query.type).name}"
        yield f"{subject} has no {missing}."


def _type_reasons(qtype: int, answer: Answer, zone: str) -> Iterator[str]:
    """Yield what CoreDNS answers for a type, whatever the name."""
    if qtype == QType.SOA and not answer.answers:
        yield f"Only {zone} has a start of authority; below it, CoreDNS says no more than that."
    if qtype == QType.TXT and answer.rcode == RCode.NXDOMAIN:
        yield "Asked for TXT, CoreDNS denies every name that is no Service's, endpoint's or pod's."


def _endpoint_count(facts: _Facts) -> str:
    addresses = {one.address for each in facts.records.slices_of(facts.service) for one in each.endpoints}
    return f"{len(addresses)} ready endpoint{'' if len(addresses) == 1 else 's'}"


def _endpoints(facts: _Facts) -> str:
    found = {_text(one.label) for each in facts.records.slices_of(facts.service) for one in each.endpoints}
    return f"they are {_listed(sorted(found))}" if found else "it has no ready endpoint"


def _ports(facts: _Facts) -> str:
    record = facts.records.services[facts.service]
    ports = [port for each in facts.records.slices_of(facts.service) for port in each.ports]
    ports = ports if record.is_headless else list(record.ports)
    named = {f"_{_text(each.name)}._{_text(each.protocol)}" for each in ports if each.name}
    return f"its ports are {_listed(sorted(named))}" if named else "it has no named ports"


def _near_service(facts: _Facts) -> str:
    namespace, name = facts.service
    return _near(_text(name), (_text(each) for space, each in facts.records.services if space == namespace))


def _elsewhere(facts: _Facts) -> str:
    found = sorted(_text(space) for space, each in facts.records.services if each == facts.name.service)
    return f"\nThere is one in namespace {_listed(found)}." if found else ""


def _without_svc(facts: _Facts) -> str:
    if len(facts.below) != 2 or facts.below[::-1] not in facts.records.services:
        return ""
    return f"\nThere is a Service of that name: {_text(b'.'.join(facts.below))}.svc.{facts.zone}."


def _target(facts: _Facts) -> str:
    return text_of(facts.records.services[facts.service].external_name or b"\0")


_FIELDS: dict[str, Callable[[_Facts], str]] = {
    "zone": lambda facts: facts.zone,
    "below": lambda facts: _text(b".".join(facts.below)),
    "end": lambda facts: _text(facts.below[-1]),
    "without_svc": _without_svc,
    "kind": lambda facts: _text(facts.name.kind),
    "namespace": lambda facts: _text(facts.name.namespace),
    "near_namespace": lambda facts: _near(_text(facts.name.namespace), map(_text, facts.records.namespaces)),
    "service": lambda facts: _text(facts.name.service),
    "near_service": _near_service,
    "elsewhere": _elsewhere,
    "subject": lambda facts: f"Service {_text(facts.name.namespace)}/{_text(facts.name.service)}",
    "endpoint": lambda facts: _text(facts.name.endpoint),
    "endpoints": _endpoints,
    "count": _endpoint_count,
    "port": lambda facts: f"_{_text(facts.name.port)}._{_text(facts.name.protocol)}",
    "ports": _ports,
    "if_ready": lambda facts: " with a ready endpoint" if facts.records.services[facts.service].is_headless else "",
    "target": _target,
    "address": lambda facts: str(ip_address(pod_address(facts.name.service) or b"")),
    "family": lambda facts: f"IPv{ip_address(pod_address(facts.name.service) or b'').version}",
}


def _near(wanted: str, names: Iterable[str]) -> str:
    found = nearest(wanted, names)
    return f" (did you mean {found}?)" if found else ""


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _text(label: bytes) -> str:
    return label.decode("ascii", "backslashreplace")

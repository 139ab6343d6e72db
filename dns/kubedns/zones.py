"""Which names are the cluster's to answer: those in its zones and reverse zones, but for delegated domains. Pure."""

from __future__ import annotations

from kubedns.config import DNSConfig
from kubedns.names import is_below, labels_of, wire_of
from kubedns.types import Labels


class Zones:
    """The zones that a DNSConfig names. ``origin`` is the first one's name on the wire."""

    def __init__(self, config: DNSConfig) -> None:
        self.origin = wire_of(config.zone)
        names = map(wire_of, (config.zone, *config.other_zones))
        # The longest first: of a zone below another, the names are its own.
        self._zones = tuple(sorted(((labels_of(each), len(each)) for each in names), key=lambda zone: -zone[1]))
        self._reverse = tuple(labels_of(wire_of(each)) for each in config.reverse_zones)
        apexes = (*(labels for labels, _ in self._zones), *self._reverse)
        domains = [labels_of(wire_of(each)) for each in config.delegated]
        self._delegated = [each for each in domains if any(is_below(each, apex) for apex in apexes)]

    def is_apex(self, labels: Labels) -> bool:
        """Tell whether a name is a zone's own."""
        return any(labels == zone for zone, _ in self._zones)

    def has(self, labels: Labels) -> bool:
        """Tell whether a name is a zone's or below it, and not in a delegated domain."""
        for zone, _ in self._zones:
            if labels[-len(zone) :] == zone:
                return not (self._delegated and self._is_delegated(labels))
        return False

    def split(self, name: bytes, labels: Labels) -> tuple[bytes, Labels]:
        """Return the zone of a name for which ``has`` holds, as it is written there, and the labels left of it."""
        for zone, size in self._zones:
            if labels[-len(zone) :] == zone:
                return name[-size:], labels[: -len(zone)]
        raise ValueError(f"{name!r} is in no zone")

    def reverse_zone(self, labels: Labels) -> Labels | None:
        """Return the reverse zone that a name is in; None if it is in none, or delegated."""
        if self._delegated and self._is_delegated(labels):
            return None
        for zone in self._reverse:
            if labels[-len(zone) :] == zone:
                return zone
        return None

    def overlaps(self, domain: Labels) -> bool:
        """Tell whether a domain has names of a zone that is no reverse zone."""
        return any(is_below(zone, domain) or is_below(domain, zone) for zone, _ in self._zones)

    def _is_delegated(self, labels: Labels) -> bool:
        return any(is_below(labels, each) for each in self._delegated)

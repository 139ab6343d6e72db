"""The differences from CoreDNS that dns/README.md declares."""

from __future__ import annotations

import re

from tests.helpers.dnsset.comparing import Said
from tests.helpers.dnsset.questions import Question

NAME_SERVER = "CoreDNS names no server of a zone where it has `bind`, or loopback addresses alone"
COUNTED_DOWN = (
    "CoreDNS' cache counts the TTLs of the cluster's names down, bounds that of dns-version, and answers in the"
    " spelling of the client that asked first"
)
_ASKED_OF_SERVERS = ("cluster.local NS", "ns.dns.cluster.local A", "in-addr.arpa NS", "ip6.arpa NS")


def declared(question: Question, ours: Said | str, theirs: Said | str) -> str:
    """Return why a difference is there, "" if it is not declared."""
    if question.words in _ASKED_OF_SERVERS and isinstance(theirs, Said) and not theirs.answers:
        return NAME_SERVER
    return ""


def declared_with_cache(question: Question, ours: Said | str, theirs: Said | str) -> str:
    """Return the same where CoreDNS has ``cache`` for the cluster's names."""
    return declared(question, ours, theirs) or COUNTED_DOWN * (_without_ttls(ours) == _without_ttls(theirs))


def _without_ttls(said: Said | str) -> str:
    """Return an answer without the TTLs and the spelling of its records; the TTL of EDNS stays."""
    records = re.sub(r"'([^' ]+) \d+ 1 ", r"'\1 TTL 1 ", str(said))
    return records.lower()

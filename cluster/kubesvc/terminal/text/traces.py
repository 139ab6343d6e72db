"""The text of `kubesvc trace`, made from its JSON document. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubehost.addresses import join_host_port
from kubesvc.terminal.text.tables import table

Document = dict[str, Any]


def trace_text(document: Document) -> str:
    """Return what `kubesvc trace SRC DST` prints."""
    destination = document["destination"]
    where = f"{join_host_port(destination['address'], destination['port'])}/{destination['protocol'].lower()}"
    parts = [
        f"{document['source']} -> {where}",
        "\n".join(f"  {number}. {step}" for number, step in enumerate(document["steps"], 1)),
    ]
    if document["endpoints"]:
        rows = table(["ENDPOINT", "POD", "NODE", "CANDIDATE"], map(_row, document["endpoints"]))
        parts.append("\n".join(f"  {line}" for line in rows.split("\n")))
    parts.append("\n".join(_verdict(document)))
    return "\n\n".join(parts)


def _row(endpoint: Document) -> tuple[str, ...]:
    doubt = f", but {endpoint['doubt']}" if endpoint["doubt"] else ""
    answer = f"yes{doubt}" if endpoint["candidate"] else f"no: {endpoint['whyNot']}"
    if endpoint["candidate"] and endpoint["weight"] != 1:
        answer += f", weight {endpoint['weight']}"
    return endpoint["address"], endpoint["pod"] or "<none>", endpoint["node"] or "<none>", answer


def _verdict(document: Document) -> Iterator[str]:
    if document["balancing"]:
        yield document["balancing"]
    yield f"{document['verdict']}: {document['reason']}."
    yield document["outcome"]
    if document["service"] and document["verdict"] == "REJECT":
        namespace, _, name = document["service"].partition("/")
        yield f"`kubesvc explain svc/{name} -n {namespace}` says why there are no endpoints."


def dns_text(document: Document) -> str:
    """Return what `kubesvc trace --dns` prints."""
    parts = ["\n".join(_lookup(each)) for each in document["lookups"]]
    return "\n\n".join([*document["notes"], *parts])


def _lookup(lookup: Document) -> Iterator[str]:
    yield f"{lookup['name']} {lookup['type']}: {lookup['rcode']}"
    yield from (f"  {each}" for each in lookup["answers"])
    if lookup["additional"]:
        yield "  ;; additional"
        yield from (f"  {each}" for each in lookup["additional"])
    yield from (f"  - {each}" for each in lookup["reasons"])

"""The text of `kubesvc explain`, made from its JSON document. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kubehost.addresses import join_host_port

Document = dict[str, Any]

_MARKS = {"problem": "!", "hint": "?", "note": "-"}


def explanation_text(document: Document) -> str:
    """Return what `kubesvc explain` prints."""
    parts = [document["summary"]]
    if document["findings"]:
        parts.append("\n".join(f"  {_MARKS[each['weight']]} {each['text']}" for each in document["findings"]))
    if document["paths"]:
        parts.append("\n".join(line for group in _alike(document["paths"]) for line in _paths(group)))
    elif document["endpoints"]:
        parts.append("\n".join(f"  {_endpoint(each)}" for each in document["endpoints"]))
    if not any(each["weight"] in ("problem", "hint") for each in document["findings"]):
        parts.append("Nothing is wrong with it.")
    return "\n\n".join(parts)


def _alike(paths: Iterable[Document]) -> list[list[Document]]:
    """Group neighbouring paths that differ only in their address, as those of a node port do."""
    groups: list[list[Document]] = []
    for path in paths:
        alike = [path[each] for each in ("kind", "port", "error", "ways")]
        if groups and alike == [groups[-1][0][each] for each in ("kind", "port", "error", "ways")]:
            groups[-1].append(path)
        else:
            groups.append([path])
    return groups


_SEEN = {"REJECT": "are refused", "DROP": "time out", "closed": "are reset"}
"""What clients see; NetworkPolicies close a Service to clients of this machine, whose connections are taken first."""


def _paths(paths: Sequence[Document]) -> Iterator[str]:
    path = paths[0]
    moved = "" if path["port"] == path["servicePort"] else f", answers at port {path['port']}"
    yield f"  {', '.join(map(_address, paths))} ({path['kind']}{moved})"
    if path["error"]:
        yield "    cannot be reached"
        return
    for way in path["ways"]:
        clients = "" if len(path["ways"]) == 1 else f"from {', '.join(way['clients'])}: "
        if way["verdict"] == "FORWARD":
            yield f"    {clients}-> {', '.join(way['endpoints'])}"
        else:
            yield f"    {clients}connections {_SEEN['closed' if way['closed'] else way['verdict']]}: {way['reason']}"


def _address(path: Document) -> str:
    return f"{join_host_port(path['address'], path['servicePort'])}/{path['protocol']}"


def _endpoint(endpoint: Document) -> str:
    about = [
        endpoint["pod"],
        f"on {endpoint['node']}" if endpoint["node"] else "",
        "" if endpoint["ready"] else "not ready",
        "" if endpoint["weight"] == 1 else f"weight {endpoint['weight']}",
    ]
    return f"{endpoint['address']} ({', '.join(each for each in about if each)})".removesuffix(" ()")

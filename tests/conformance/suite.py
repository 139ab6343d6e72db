"""The specs of e2e.test: which there are, how they are run in parts, and how they ended. Pure.

A spec is known by the text that ginkgo prints for it and that ``--ginkgo.focus`` looks in. e2e.test writes a report in
JSON (ginkgo/v2/types ``Report``), with one entry for each spec, run or left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FLAGS = (
    "--provider=skeleton",
    "--allowed-not-ready-nodes=-1",
    "--minStartupPods=-1",
    "--disable-log-dump",
    "--dump-logs-on-failure=false",
    "--prepull-images=false",
    "--dns-domain=cluster.local",
    "--cluster-ip-range=127.96.0.0/12",
    "--num-nodes=-1",
    "--node-os-distro=debian",
    "--ginkgo.no-color",
    "--ginkgo.v",
)
"""What anybody gives who runs the suite on a cluster of one's own; none of them changes what a spec asks for."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One spec: its whole text, its labels, and how it ended. ``seconds`` is 0 and ``state`` "" before it has run."""

    name: str
    labels: frozenset[str]
    state: str = ""
    seconds: float = 0.0
    reason: str = ""

    @property
    def group(self) -> str:
        """The special interest group that owns it: ``sig-network``."""
        found = re.search(r"\[(sig-[a-z-]+)\]", self.name)
        return found[1] if found else "others"

    @property
    def is_conformance(self) -> bool:
        """Whether a cluster must pass it to be called Kubernetes."""
        return "Conformance" in self.labels

    @property
    def is_alone(self) -> bool:
        """Whether nothing else may run beside it."""
        return bool(self.labels & {"Serial", "Disruptive"})


def specs_of(report: Sequence[Mapping[str, Any]]) -> list[Spec]:
    """Return the specs of a report in JSON, in its order."""
    entries = [each for suite in report for each in suite["SpecReports"] or () if each["LeafNodeType"] == "It"]
    return [_spec_of(each) for each in entries]


def _spec_of(entry: Mapping[str, Any]) -> Spec:
    texts = [*(entry["ContainerHierarchyTexts"] or ()), entry["LeafNodeText"]]
    labels = [*(entry["ContainerHierarchyLabels"] or ()), entry["LeafNodeLabels"]]
    message = (entry.get("Failure") or {}).get("Message", "")
    return Spec(
        " ".join(texts),
        frozenset(label for some in labels for label in some or ()),
        entry["State"],
        entry["RunTime"] / 1e9,
        " ".join(message.split()),
    )


def chosen(specs: Iterable[Spec], focus: str, skip: str) -> list[Spec]:
    """Return the specs whose text or labels have the focus and not what is to be skipped; both regular expressions."""
    return [each for each in specs if _has(each, focus) and not (skip and _has(each, skip))]


def _has(spec: Spec, expression: str) -> bool:
    return bool(re.search(expression, spec.name))


def parts_of(specs: Sequence[Spec], size: int) -> list[list[Spec]]:
    """Return the specs in parts of about ``size``, each with some of every kind, so that no part is the slow one."""
    count = max(1, -(-len(specs) // size))
    return [part for part in (list(specs[start::count]) for start in range(count)) if part]


def focus_on(specs: Iterable[Spec]) -> str:
    """Return a regular expression that finds these specs; those whose names it has within theirs too."""
    return "|".join(f"{re.escape(each.name)}" for each in specs)


def needs_more_nodes(spec: Spec) -> bool:
    """Tell whether the suite has left a spec out because the cluster is too small (network/traffic_distribution.go)."""
    return spec.state == "skipped" and "schedulable nodes each" in spec.reason


def merged(results: Iterable[Spec], again: Iterable[Spec]) -> list[Spec]:
    """Return how specs ended, of those that ran again how they ended then."""
    return list(({each.name: each for each in results} | {each.name: each for each in again}).values())


def ended(asked: Iterable[Spec], reported: Iterable[Spec], why: str) -> list[Spec]:
    """Return how the specs ended that were asked for; of one that has no entry, or was cut off, ``why`` tells it."""
    found = {each.name: each for each in reported}
    return [_ending(each, found.get(each.name), why) for each in asked]


def _ending(spec: Spec, found: Spec | None, why: str) -> Spec:
    if found is None or (found.state == "skipped" and not found.reason):
        return Spec(spec.name, spec.labels, "failed", 0.0, why)
    return found

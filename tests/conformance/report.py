"""REPORT.md: every spec that was run, with its outcome. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.conformance.suite import Spec

_REASON_LENGTH = 200


def reasons_by_name(table: Mapping[str, Sequence[str]], specs: Iterable[Spec]) -> dict[str, str]:
    """Return why a spec is not applicable, by its name; ValueError for a row that names none of all specs.

    ``table`` has lists of parts of names by reason.
    """
    names = [each.name for each in specs]
    found: dict[str, str] = {}
    for reason, parts in table.items():
        for part in parts:
            those = [name for name in names if part in name]
            if not those:
                raise ValueError(f"not_applicable.yaml: no spec has {part!r} in its name; remove the line or mend it")
            found |= dict.fromkeys(those, reason)
    return found


def write_report(specs: Sequence[Spec], reasons: Mapping[str, str], heading: Sequence[str]) -> str:
    """Return the page: ``heading`` has lines about the run, ``reasons`` says why a spec is not applicable."""
    lines = ["# Kubernetes' own end-to-end suite on kubesvc", "", *heading, "", *_summary(specs, reasons)]
    for group in sorted({each.group for each in specs}):
        lines += ["", f"## {group}", *_rows([each for each in specs if each.group == group], reasons)]
    return "\n".join(lines) + "\n"


def outcome_of(spec: Spec, reasons: Mapping[str, str]) -> str:
    """Return ``passed``, ``failed`` or ``not applicable``; what a spec itself leaves out is not applicable."""
    if spec.state == "passed":
        return "passed"
    return "not applicable" if spec.state == "skipped" or spec.name in reasons else "failed"


def _summary(specs: Sequence[Spec], reasons: Mapping[str, str]) -> list[str]:
    lines = ["| group | specs | passed | failed | not applicable |", "|---|---|---|---|---|"]
    for group in sorted({each.group for each in specs}):
        own = [each for each in specs if each.group == group]
        lines += [_summary_row(f"{group}, Conformance", [each for each in own if each.is_conformance], reasons)]
        lines += [_summary_row(group, own, reasons)]
    return lines


def _summary_row(title: str, specs: Sequence[Spec], reasons: Mapping[str, str]) -> str:
    outcomes = [outcome_of(each, reasons) for each in specs]
    counts = [outcomes.count(each) for each in ("passed", "failed", "not applicable")]
    return f"| {title} | {len(specs)} | {' | '.join(map(str, counts))} |"


def _rows(specs: Sequence[Spec], reasons: Mapping[str, str]) -> list[str]:
    order = {"failed": 0, "not applicable": 1, "passed": 2}
    rows = sorted(specs, key=lambda each: (order[outcome_of(each, reasons)], each.name))
    lines, last = [], ""
    for each in rows:
        outcome = outcome_of(each, reasons)
        if outcome != last:
            lines += ["", f"**{outcome[0].upper()}{outcome[1:]}**", ""]
        lines.append(_row(each, outcome, reasons))
        last = outcome
    return lines


def _row(spec: Spec, outcome: str, reasons: Mapping[str, str]) -> str:
    name = spec.name.partition(f"[{spec.group}] ")[2] or spec.name
    if outcome == "passed":
        return f"- {name}"
    return f"- {name}: {reasons.get(spec.name) or spec.reason[:_REASON_LENGTH] or spec.state}"

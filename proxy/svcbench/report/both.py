"""One Service on sockets and in simulation, side by side, with how far they disagree. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from svcbench.report.facts import PERCENTILES
from svcbench.report.numbers import aligned, cut, milliseconds, percentage
from svcbench.results import Run
from svcbench.verdict import invalidities

_PODS = 20


def both_text(sockets: Run, simulated: Run) -> str:
    """Return the report of two runs of the same Service, arrivals and seed, with a line break at its end."""
    rows = [["", "sockets", "simulation", "sockets - simulation"], *_rows(sockets, simulated)]
    lines = [f"{sockets.target}: {sockets.algorithm} on sockets, {simulated.algorithm} in simulation", ""]
    lines += [f"INVALID on sockets: {each}" for each in invalidities(sockets)]
    return "\n".join([*lines, *aligned(rows), "", *_remark()]) + "\n"


def _rows(sockets: Run, simulated: Run) -> Iterator[list[str]]:
    yield ["requests", f"{sockets.requests:,}", f"{simulated.requests:,}"]
    yield ["errors", percentage(sockets.error_share), percentage(simulated.error_share)]
    found = zip(sockets.corrected.percentiles(PERCENTILES), simulated.corrected.percentiles(PERCENTILES), strict=True)
    for percent, (measured, expected) in zip(PERCENTILES, found, strict=True):
        name = "max ms" if percent == 100 else f"p{percent:g} ms"
        yield [name, milliseconds(measured), milliseconds(expected), _difference(measured, expected)]
    for pod in sorted(sockets.pods.keys() | simulated.pods.keys())[:_PODS]:
        shares = [_share(run, pod) for run in (sockets, simulated)]
        yield [cut(pod, 40), *map(percentage, shares), f"{100 * (shares[0] - shares[1]):+.2f} points"]


def _difference(measured: int, expected: int) -> str:
    apart = measured - expected
    sign = "-" if apart < 0 else "+"
    share = f" ({100 * apart / expected:+.0f} %)" if expected else ""
    return f"{sign}{milliseconds(abs(apart))} ms{share}"


def _share(run: Run, pod: str) -> float:
    return run.pods[pod].requests / run.requests if pod in run.pods and run.requests else 0.0


def _remark() -> list[str]:
    return ["The simulation knows nothing of what the proxy, the machine and the generator cost."]

"""A run as a JSON document, and back; nothing is lost. Pure.

Times that people read are milliseconds in ``summary``; the histograms are in HdrHistogram's encoding (``hdrcodec``),
in microseconds, so that other tools can merge and plot them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from svcbench.hdrcodec import EncodingError, decode, encode
from svcbench.histogram import Histogram
from svcbench.results import GeneratorFigures, PodFigures, Run, Second

FORMAT = "kubesvc.dev/bench/v1"
"""The value of ``format`` in a document."""
PERCENTILES = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0)
"""Those of ``summary``."""


class DocumentError(ValueError):
    """The document is not a run; says what is missing or wrong."""


def run_document(run: Run) -> dict[str, Any]:
    """Return a run as JSON."""
    return {
        "format": FORMAT,
        **_conditions(run),
        "requests": run.requests,
        "completed": run.completed,
        "errors": dict(run.errors),
        "summary": {"corrected": _summary(run.corrected), "uncorrected": _summary(run.uncorrected)},
        "histograms": {"corrected": encode(run.corrected), "uncorrected": encode(run.uncorrected)},
        "series": [asdict(each) for each in run.seconds_series],
        "pods": {name: _pod(each) for name, each in run.pods.items()},
        "generator": {
            "lagP99": run.generator.lag_p99,
            "achievedRate": run.generator.achieved_rate,
            "refused": run.generator.refused,
        },
    }


def _conditions(run: Run) -> dict[str, Any]:
    return {
        "target": run.target,
        "algorithm": run.algorithm,
        "source": run.source,
        "loop": run.loop,
        "offeredRate": run.offered_rate,
        "seconds": run.seconds,
        "warmup": run.warmup,
        "seed": run.seed,
        "partial": run.is_partial,
        "command": run.command,
    }


def _summary(histogram: Histogram) -> dict[str, Any]:
    found = histogram.percentiles(PERCENTILES)
    named = {f"p{percent:g}": value / 1000 for percent, value in zip(PERCENTILES, found, strict=True)}
    return {"count": histogram.count, "meanMs": round(histogram.mean / 1000, 3), "ms": named}


def _pod(figures: PodFigures) -> dict[str, Any]:
    return {
        "requests": figures.requests,
        "errors": figures.errors,
        "peakInFlight": figures.peak_in_flight,
        "latency": encode(figures.latency),
        "windows": list(figures.windows),
        "weight": figures.weight,
    }


def read_run(document: Mapping[str, Any]) -> Run:
    """Return the run of a document; DocumentError if it is none."""
    if document.get("format") != FORMAT:
        message = f"not a run of kubesvc bench: format is {document.get('format')!r}, want {FORMAT!r}"
        raise DocumentError(message)
    try:
        return _read(document)
    except KeyError as error:
        message = f"not a run of kubesvc bench: {error} is missing"
    except (EncodingError, TypeError, ValueError, AttributeError) as error:
        message = f"not a run of kubesvc bench: {error}"
    raise DocumentError(message)


def _read(document: Mapping[str, Any]) -> Run:
    histograms, generator = document["histograms"], document["generator"]
    return Run(
        target=document["target"],
        algorithm=document["algorithm"],
        source=document["source"],
        loop=document["loop"],
        offered_rate=document["offeredRate"],
        seconds=document["seconds"],
        warmup=document["warmup"],
        seed=document["seed"],
        requests=document["requests"],
        completed=document["completed"],
        errors=document["errors"],
        corrected=decode(histograms["corrected"]),
        uncorrected=decode(histograms["uncorrected"]),
        seconds_series=tuple(Second(**each) for each in document["series"]),
        pods={name: _read_pod(each) for name, each in document["pods"].items()},
        generator=GeneratorFigures(generator["lagP99"], generator["achievedRate"], generator["refused"]),
        is_partial=document["partial"],
        command=document["command"],
    )


def _read_pod(document: Mapping[str, Any]) -> PodFigures:
    return PodFigures(
        document["requests"],
        document["errors"],
        document["peakInFlight"],
        decode(document["latency"]),
        tuple(document["windows"]),
        document["weight"],
    )

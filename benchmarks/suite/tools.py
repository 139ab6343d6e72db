"""What wrk and dnsperf print, read into samples. Pure."""

from __future__ import annotations

import json
import re

from benchmarks.suite.samples import Sample

WRK_SCRIPT = """\
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\nsample: {"done": %d, "micros": %d, "errors": %d, "p50": %d, "p99": %d, "p999": %d}\\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
"""
"""wrk prints no p99.9 of its own, so a script does; it touches no request."""


class OutputError(Exception):
    """A load generator printed something else than expected; the text is its last line."""


def wrk_sample(output: str) -> Sample:
    """Return what wrk with WRK_SCRIPT saw. A request that failed counts as an error and not as done."""
    found = re.search(r"^sample: (\{.*\})$", output, re.MULTILINE)
    if not found:
        raise OutputError(_last_line(output))
    told = json.loads(found[1])
    seconds = told["micros"] / 1e6
    return Sample(told["done"], seconds, told["errors"], told["p50"], told["p99"], told["p999"])


def dnsperf_sample(output: str) -> Sample:
    """Return what dnsperf saw: only answered queries are done, and what was neither NOERROR nor answered is an error.

    dnsperf has no percentiles; its average stands in none of them.
    """
    completed = _number(output, r"Queries completed:\s+(\d+)")
    lost = _number(output, r"Queries lost:\s+(\d+)")
    seconds = _number(output, r"Run time \(s\):\s+([\d.]+)")
    well = re.search(r"NOERROR (\d+)", output)
    return Sample(completed, seconds, int(lost + completed - (int(well[1]) if well else 0)))


def _number(output: str, pattern: str) -> float:
    found = re.search(pattern, output)
    if not found:
        raise OutputError(_last_line(output))
    return float(found[1])


def _last_line(output: str) -> str:
    lines = output.strip().splitlines()
    return lines[-1] if lines else "it printed nothing"

"""One trial: a load generator, run to its end against one peer, with what it cost the peer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.suite.peers import Front
from benchmarks.suite.processes import PeerError, cpu_seconds, resident_bytes
from benchmarks.suite.samples import Sample
from benchmarks.suite.settings import CONNECTIONS, Work, cold_names, hot_names
from benchmarks.suite.tools import WRK_SCRIPT, dnsperf_sample, wrk_sample

GRACE = 60.0
"""Seconds that a trial may take beyond its load before it is given up."""
COLD_RATE = 200_000
"""Cold names per second of a trial: more than anybody answers on one core; who is faster is done sooner."""
OUTSTANDING = 100


@dataclass(frozen=True)
class Size:
    """How much a trial does: seconds of load, bytes in bulk, connections that idle."""

    seconds: int
    bulk_bytes: int
    idle: int


@dataclass(frozen=True)
class Trials:
    """Runs trials; ``folder`` is for what the load generators read."""

    size: Size
    folder: Path

    def run(self, work: Work, front: Front, number: int) -> Sample:
        """Run one trial of a round; its ``number`` decides which cold names are asked for."""
        if work.name == "idle":
            return self._idle(front)
        begin = cpu_seconds(front.pid) if front.pid else 0.0
        sample = self._load(work, front, number)
        if front.pid is None:
            return sample
        return replace(sample, cpu_seconds=cpu_seconds(front.pid) - begin, resident=resident_bytes(front.pid))

    def _load(self, work: Work, front: Front, number: int) -> Sample:
        if work.name == "dns-churn" and front.kubeconfig:
            return self._churned(work, front, number)
        if work.protocol == "dns":
            return _generate(self._dnsperf(work, front, number), self.size.seconds, dnsperf_sample)
        if work.name in ("down", "up"):
            command = _traffic(work.name, front, self.size.bulk_bytes)
            return _generate(command, self.size.seconds, lambda output: Sample(**json.loads(output)))
        if work.protocol == "udp":
            command = _traffic("pairs", front, self.size.seconds)
            return _generate(command, self.size.seconds, lambda output: Sample(**json.loads(output)))
        return _generate(self._wrk(work, front), self.size.seconds, wrk_sample)

    def _churned(self, work: Work, front: Front, number: int) -> Sample:
        """Return the sample of a load under which endpoints change; latencies are from a change to its answer."""
        where = [front.kubeconfig, front.address, str(front.port)]
        command = [sys.executable, "-m", "benchmarks.suite.churn", *where]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as churn:
            assert churn.stdout is not None
            if not churn.stdout.readline():
                raise PeerError("its endpoints cannot be changed")
            sample = _generate(self._dnsperf(work, front, number), self.size.seconds, dnsperf_sample)
            told = json.loads(churn.communicate()[0])
        seen = {name: told[name] for name in ("p50", "p99", "p999")}
        return replace(sample, errors=sample.errors + told["errors"], **seen)

    def _wrk(self, work: Work, front: Front) -> list[str]:
        script = self.folder / "wrk.lua"
        script.write_text(WRK_SCRIPT)
        close = ["-H", "Connection: close"] if work.name == "connection" else []
        load = ["-t1", f"-c{CONNECTIONS}", f"-d{self.size.seconds}s", "--timeout", "10s", "-s", str(script)]
        return ["wrk", *load, *close, f"http://{front.address}:{front.port}/"]

    def _dnsperf(self, work: Work, front: Front, number: int) -> list[str]:
        is_cold = work.name == "dns-cold"
        count = COLD_RATE * self.size.seconds
        file = self.folder / f"queries-{work.name}-{number if is_cold else 0}"
        if not file.exists():
            names = cold_names(number * count, count) if is_cold else hot_names()
            file.write_text("".join(f"{name} A\n" for name in names))
        load = ["-l", str(self.size.seconds), "-q", str(OUTSTANDING), "-c", "4", *(["-n", "1"] if is_cold else [])]
        return ["dnsperf", "-s", front.address, "-p", str(front.port), "-d", str(file), *load]

    def _idle(self, front: Front) -> Sample:
        """Return the memory per connection that is open and says nothing, after one request on each."""
        if front.pid is None:
            raise PeerError("holds nothing")
        before, begin = resident_bytes(front.pid), cpu_seconds(front.pid)
        client = subprocess.Popen(
            _traffic("idle", front, self.size.idle), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with client:
            assert client.stdout is not None
            sample = Sample(**json.loads(client.stdout.readline() or "{}"))
            after = resident_bytes(front.pid)
            spent = cpu_seconds(front.pid) - begin
        each = (after - before) / sample.done if sample.done else None
        return replace(sample, cpu_seconds=spent, resident=after, each=each)


def _traffic(kind: str, front: Front, amount: float) -> list[str]:
    return [sys.executable, "-m", "benchmarks.suite.traffic", kind, front.address, str(front.port), str(amount)]


def _generate(command: list[str], seconds: float, read: Callable[[str], Sample]) -> Sample:
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + GRACE, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise PeerError(f"the load generator failed: {said[-1] if said else done.returncode}")
    return read(done.stdout)

"""The laboratory's clusters have what the publication has."""

from __future__ import annotations

from io import StringIO

from benchmarks.laboratory import manifests

from kubesvc.run.prepare import prepare
from svcbench.reproduce.slow_backend import ALGORITHMS, MODELS


def test_the_clusters_of_every_algorithm_are_accepted_with_all_backends() -> None:
    for algorithm, options, *_ in ALGORITHMS.values():
        prepared = prepare(("-",), StringIO(manifests(MODELS, algorithm, options)))
        assert prepared.faults == []
        pods = [each for each in prepared.loaded.documents if each.obj["kind"] == "Pod"]
        assert [each.obj["metadata"]["annotations"]["kubesvc.dev/backend"] for each in pods] == list(MODELS)

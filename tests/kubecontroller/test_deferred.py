"""Controllers of rare kinds: they are imported with the first object of their kind, and change nothing but that."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.helpers.kubeapi.objects import pod

from kubeapi.meta import JSON, key_of
from kubeapi.scheme import JOBS, PODS
from kubeapi.store import Store
from kubeapi.watching import Delta
from kubecontroller.controllers import ControllerConfig, new_controllers
from kubecontroller.deferred import Deferred
from kubecontroller.listers import Listers

DEFERRED = [each for each in new_controllers(Listers(Store()), ControllerConfig()) if isinstance(each, Deferred)]
JOB: JSON = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once", "namespace": "default"}, "spec": {}}


@pytest.mark.parametrize("deferred", DEFERRED, ids=lambda each: each.name)
def test_what_stands_for_a_controller_tells_the_same_as_it(deferred: Deferred) -> None:
    real = deferred.controller()
    assert (deferred.name, deferred.resource, deferred.watches) == (real.name, real.resource, real.watches)


def test_no_controller_of_a_rare_kind_is_imported_before_there_is_an_object_of_it() -> None:
    program = (
        "import sys, kubecontroller.io.controllermanager\n"
        "from tests.kubecontroller.test_deferred import DEFERRED\n"
        "print(*(each.place for each in DEFERRED if each.place.partition(':')[0] in sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert (len(DEFERRED) >= 10, said) == (True, "\n")


def test_the_first_object_of_its_kind_brings_a_controller_and_then_all_changes_reach_it() -> None:
    store = Store()
    deferred = Deferred(
        "kubecontroller.batch.job.controller:JobController", "job-controller", (JOBS, PODS), Listers(store)
    )
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "once", "uid": "1", "controller": True}
    owned = pod("once-1", metadata={"namespace": "default", "ownerReferences": [owner]})
    assert [*deferred.keys_for(PODS, Delta(key_of(owned), None, owned))] == []
    assert [*deferred.keys_for(JOBS, Delta(key_of(JOB), None, JOB))] == [key_of(JOB)]
    assert [*deferred.keys_for(PODS, Delta(key_of(owned), None, owned))] == [key_of(JOB)]

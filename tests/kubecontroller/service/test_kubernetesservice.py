from __future__ import annotations

from kubecontroller.change import Create, Update
from kubecontroller.service import kubernetesservice


def test_the_api_server_has_endpoints_and_one_slice_that_say_the_same() -> None:
    first, second = kubernetesservice.reconcile(["127.96.0.1"], 6443, None, None)
    assert isinstance(first, Create)
    assert isinstance(second, Create)
    assert first.obj["subsets"][0]["addresses"] == [{"ip": "127.96.0.1"}]
    assert second.obj["endpoints"][0]["addresses"] == ["127.96.0.1"]
    assert first.obj["subsets"][0]["ports"] == second.obj["ports"]
    assert kubernetesservice.reconcile(["127.96.0.1"], 6443, first.obj, second.obj) == []
    moved = kubernetesservice.reconcile(["127.96.0.1"], 7443, first.obj, second.obj)
    assert [type(each) for each in moved] == [Update, Update]

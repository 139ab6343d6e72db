"""What kubesvc's rules say of a packet, `Rules.decide`: it is asked beside kube-proxy, whose packets say it."""

from __future__ import annotations

from benchmarks.cluster.api import API
from benchmarks.cluster.clients import REFUSED, SILENT
from benchmarks.cluster.controlplane import NODES
from benchmarks.cluster.networks import NODE
from tests.helpers.cluster.cli import eventually
from tests.helpers.realcluster.judging import CHANGE_SECONDS, UNSERVED, agrees
from tests.helpers.realcluster.rows import Probe

from kubeapi.meta import JSON, ObjectKey
from kubeproxy.config import ProxyConfig
from kubeproxy.proxier import Proxier
from kubeproxy.rules import Reason, Rules, Verdict
from kubeproxy.types import Destination

OUTSIDE = "10.200.1.1"
_VERDICTS = {Verdict.REJECT: REFUSED, Verdict.DROP: SILENT}


class Decided:
    """The rules of the proxy on node-1 for the objects of one namespace of the API server."""

    def __init__(self, api: API, namespace: str) -> None:
        self._api, self._namespace = api, namespace

    def miss(self, probe: Probe) -> str:
        """Return "" once the rules want what is wanted, else what they want."""
        if probe.where == "health" or eventually(lambda: agrees(self._said(probe), probe), CHANGE_SECONDS):
            return ""
        return f"Rules.decide: {probe.where}: {self._said(probe)}, not {probe.wanted}"

    def _said(self, probe: Probe) -> str:
        return decided(self._rules(), probe)

    def _rules(self) -> Rules:
        proxier = Proxier(ProxyConfig(node_name=NODE))
        within = f"/namespaces/{self._namespace}"
        for node in self._list("/api/v1/nodes"):
            proxier.nodes.update(_key(node), node)
        for service in self._list(f"/api/v1{within}/services"):
            proxier.services.update(_key(service), service)
        for each in self._list(f"/apis/discovery.k8s.io/v1{within}/endpointslices"):
            proxier.endpoints.update(_key(each), each)
        return proxier.sync().rules

    def _list(self, path: str) -> list[JSON]:
        found: list[JSON] = self._api.send("GET", path)["items"]
        return found


def decided(rules: Rules, probe: Probe) -> str:
    """Return what rules make of a probe, in the words of the table."""
    source = OUTSIDE if probe.is_outside else NODES[NODE]
    decision = rules.decide(source, Destination(probe.address, probe.port, probe.protocol))
    if decision.reasons == (Reason.NO_SERVICE,):
        return UNSERVED
    if decision.verdict is not Verdict.FORWARD:
        return _VERDICTS[decision.verdict]
    found = sorted(each.ip for each in decision.endpoints)
    return found[0] if probe.wanted.startswith("one of ") else " ".join(found)


def _key(obj: JSON) -> ObjectKey:
    return ObjectKey(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])

"""The table of tests/cluster, which real proxies are held to there: here the rules alone decide, without sockets.

Rows with pods need controllers, and names a name server: they are asked there only.
"""

from __future__ import annotations

import pytest
from tests.helpers.kubeapi.objects import new_registry
from tests.helpers.objects import build_namespace, build_node
from tests.helpers.realcluster.deciding import decided
from tests.helpers.realcluster.judging import agrees
from tests.helpers.realcluster.rows import NAME, Row, Step, read_rows

from kubeapi.meta import JSON, ObjectKey
from kubeapi.registry import Registry
from kubeapi.scheme import ENDPOINTSLICES, NAMESPACES, SERVICES, Resource
from kubeapi.status import StatusError
from kubeproxy.config import ProxyConfig
from kubeproxy.proxier import Proxier

ROWS = [row for row in read_rows() if not any(step.pods for step in row.steps)]
ZONES = {"node-1": "a", "node-2": "b"}


class World:
    """An API and the rules of the proxy on node-1, which follow it."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._registry: Registry = new_registry(service_cidr="10.96.0.0/12,fd00:10:96::/112")
        self._registry.create(NAMESPACES, build_namespace(namespace))
        self._proxier = Proxier(ProxyConfig(node_name="node-1"))
        for number, (name, zone) in enumerate(ZONES.items(), 1):
            labels = {"topology.kubernetes.io/zone": zone}
            node = build_node(name, f"192.168.0.10{number}", labels=labels, podCIDR=f"10.244.{number}.0/24")
            self._proxier.nodes.update(ObjectKey("", name), node)

    def show(self, step: Step) -> None:
        """Have the objects of a step."""
        service = self._put(SERVICES, NAME, step.service)
        if service is not None and step.ingress:
            ingress = [{"ipMode": "VIP", **each} for each in step.ingress]
            service = {**service, "status": {"loadBalancer": {"ingress": ingress}}}
        self._proxier.services.update(ObjectKey(self._namespace, NAME), service)
        for name, each in step.slices.items():
            found = self._put(ENDPOINTSLICES, name, each)
            self._proxier.endpoints.update(ObjectKey(self._namespace, name), found)
        self._proxier.sync()

    def misses(self, step: Step) -> list[str]:
        """Return what the rules want otherwise."""
        asked = [each for each in step.probes if not each.qtype and each.where != "health"]
        said = {each: decided(self._proxier.rules, each) for each in asked}
        return [f"{each.where}: {found}, not {each.wanted}" for each, found in said.items() if not agrees(found, each)]

    def _put(self, resource: Resource, name: str, obj: JSON | None) -> JSON | None:
        key = ObjectKey(self._namespace, name)
        is_there = self._registry.store.find(resource, key) is not None
        if obj is None:
            if is_there:
                self._registry.delete(resource, *key)
            return None
        if not is_there:
            return self._registry.create(resource, obj)
        try:
            return self._registry.update(resource, obj)
        except StatusError:  # what may not change is made anew
            self._registry.delete(resource, *key)
            return self._registry.create(resource, obj)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name.replace(" ", "-"))
def test_the_rules_decide_as_the_table_says(row: Row) -> None:
    world = World(row.namespace)
    for number, step in enumerate(row.steps, 1):
        world.show(step)
        assert world.misses(step) == [], f"step {number}"

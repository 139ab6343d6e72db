from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.helpers.kubeapi.objects import container, pod, service
from tests.helpers.kubesvc.explain import Paper, ready_pod

from kubeapi import scheme
from kubeapi.meta import JSON, ObjectKey
from kubeapi.status import StatusError
from kubelet.pod.programs import PLACE_OF_ITS_OWN
from kubesvc.terminal.text.explanations import explanation_text
from kubesvc.why.lookup import find_service
from kubesvc.why.podsockets import Wildcard, taken_addresses

Setting = Callable[[Paper], Any]
HTTP = [container(ports=[{"containerPort": 8080, "name": "http"}, {"containerPort": 53, "name": "dns"}])]


def web(**spec: Any) -> JSON:
    return service("web", **{"selector": {"app": "web"}, **spec})


def labelled(name: str, *, namespace: str = "default", containers: list[JSON] | None = None, **labels: str) -> JSON:
    return pod(name, metadata={"labels": labels, "namespace": namespace}, nodeName="node-1", **_some(containers))


def _some(containers: list[JSON] | None) -> JSON:
    return {"containers": containers} if containers else {}


def waiting(paper: Paper, reason: str, message: str = "", **last: Any) -> None:
    state = {"waiting": {"reason": reason, "message": message}}
    status = {"name": "app", "ready": False, "restartCount": 2, "state": state, "lastState": last}
    paper.pod(labelled("web-1", app="web"), phase="Running", containerStatuses=[status])


def probed(paper: Paper, kind: str, *messages: str) -> None:
    probe: JSON = {f"{kind}Probe": {"tcpSocket": {"port": 80}}}
    started = kind != "startup"
    status = {"name": "app", "ready": False, "started": started, "state": {"running": {}}}
    made = paper.pod(labelled("web-1", containers=[container(**probe)], app="web"), containerStatuses=[status])
    for message in messages:
        paper.event(made, "Unhealthy", message)


SELECTION = [
    pytest.param(lambda paper: None, "there are no pods in it", id="empty-namespace"),
    pytest.param(
        lambda paper: [paper.pod(labelled(f"p{n}", app="web", version="v1")) for n in range(3)],
        "3 pods have app=web, but version=v1; none has version=v2.",
        id="one-label-differs",
    ),
    pytest.param(
        lambda paper: paper.pod(labelled("p", app="web")),
        "1 pod has app=web, but no label version; none has version=v2.",
        id="one-label-is-missing",
    ),
    pytest.param(
        lambda paper: paper.pod(labelled("p", app="wep")),
        "app is wep there (did you mean app=wep?).",
        id="a-typing-error",
    ),
    pytest.param(
        lambda paper: paper.pod(labelled("p", tier="back")),
        "none of its 1 pod has a label app and version.",
        id="no-such-label",
    ),
    pytest.param(
        lambda paper: paper.pod(labelled("p", namespace="shop", app="web", version="v2")),
        "1 pod that matches is in namespace shop; a selector looks only in the namespace of its Service.",
        id="another-namespace",
    ),
    pytest.param(
        lambda paper: paper.deployment("web", {"app": "web", "version": "v2"}, replicas=0),
        "Deployment web makes such pods, and is scaled to 0 replicas.",
        id="scaled-to-nothing",
    ),
    pytest.param(
        lambda paper: paper.deployment("web", {"app": "web", "version": "v2"}, replicas=2),
        "Deployment web wants 2 such pods and has not made any yet.",
        id="not-made-yet",
    ),
]


@pytest.mark.parametrize(("setting", "expected"), SELECTION)
def test_a_selector_that_matches_nothing_is_told_what_comes_nearest(setting: Setting, expected: str) -> None:
    paper = Paper()
    paper.service(web(selector={"app": "web", "version": "v2"}))
    setting(paper)
    assert paper.problems()[0].startswith("Its selector app=web,version=v2 matches no pod in namespace default: ")
    assert any(expected in each for each in paper.texts()), paper.texts()


PODS = [
    pytest.param(
        lambda paper: waiting(paper, "CrashLoopBackOff", terminated={"reason": "Error", "exitCode": 3}),
        "is in CrashLoopBackOff: container app ends every time, last Error with exit code 3 (2 restarts).",
        id="crash-loop",
    ),
    pytest.param(
        lambda paper: waiting(paper, "ImagePullBackOff", "no such image"),
        "is not ready: container app waits (ImagePullBackOff): no such image.",
        id="image",
    ),
    pytest.param(
        lambda paper: probed(paper, "readiness", "Readiness probe failed: a", "Readiness probe failed: b"),
        "is not ready: the readiness probe of container app has not passed: Readiness probe failed: b.",
        id="readiness-with-its-last-event",
    ),
    pytest.param(
        lambda paper: probed(paper, "startup", "Readiness probe failed: a", "Startup probe failed: c"),
        "is not ready: the startup probe of container app has not passed: Startup probe failed: c.",
        id="startup",
    ),
    pytest.param(
        lambda paper: probed(paper, "readiness"),
        "is not ready: the readiness probe of container app has not passed and has not failed either.",
        id="not-probed-yet",
    ),
    pytest.param(
        lambda paper: paper.pod(
            labelled("web-1", app="web"),
            conditions=[{"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady", "message": "gate x"}],
        ),
        "is not ready: gate x.",
        id="readiness-gate",
    ),
    pytest.param(
        lambda paper: paper.pod(
            pod("web-1", metadata={"labels": {"app": "web"}}),
            phase="Pending",
            podIP="",
            conditions=[{"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available."}],
        ),
        "is Pending, it has no node: 0/2 nodes are available.",
        id="pending",
    ),
    pytest.param(
        lambda paper: paper.pod(ready_pod("web-1", node="node-9")),
        "is on the node node-9, which does not exist.",
        id="no-node",
    ),
    pytest.param(
        lambda paper: paper.pod(ready_pod("web-1"), podIP="", podIPs=[]), "has no address yet.", id="no-address"
    ),
    pytest.param(
        lambda paper: paper.pod(ready_pod("web-1"), phase="Failed", reason="Evicted"),
        "has ended (Failed: Evicted).",
        id="evicted",
    ),
]


@pytest.mark.parametrize(("setting", "expected"), PODS)
def test_a_pod_that_takes_no_traffic_is_told_why(setting: Setting, expected: str) -> None:
    paper = Paper()
    paper.service(web())
    setting(paper)
    assert paper.problems() == [f"Pod web-1 {expected}"]


def test_pods_with_the_same_trouble_are_told_in_one_sentence() -> None:
    paper = Paper()
    paper.service(web())
    for number in range(6):
        paper.pod(ready_pod(f"web-{number}"), phase="Failed", reason="Evicted")
    assert paper.problems() == ["Each of 6 pods (web-0, web-1, web-2, web-3 and 2 more) has ended (Failed: Evicted)."]


def test_a_pod_that_leaves_is_no_problem_and_serves_while_there_is_no_other() -> None:
    paper = Paper()
    paper.service(web())
    paper.pod(ready_pod("web-1"), is_deleted=True)
    assert paper.problems() == []
    assert paper.texts() == [
        "Pod web-1 is terminating.",
        "No endpoint is ready; those that terminate, but still serve, take the traffic meanwhile.",
    ]


def test_a_pod_that_leaves_a_headless_service_takes_no_traffic_for_dns_leaves_it_out() -> None:
    paper = Paper()
    paper.service(web(clusterIP="None"))
    paper.pod(ready_pod("web-1"), is_deleted=True)
    assert not [each for each in paper.texts() if "take the traffic" in each]


PORTS = [
    pytest.param(
        {"targetPort": "htpp"},
        '! Port 80/TCP leads to the container port "htpp" (TCP), which 1 pod does not have (web-1): '
        'there is "http" (8080/TCP) and "dns" (53/TCP).',
        id="a-name-that-is-not-there",
    ),
    pytest.param(
        {"targetPort": "dns", "protocol": "UDP", "name": "dns"},
        '! Port "dns" (80/UDP) leads to the container port "dns" (UDP), which 1 pod does not have (web-1): '
        '"dns" is a TCP port there.',
        id="a-name-of-another-protocol",
    ),
    pytest.param(
        {"targetPort": 9},
        "? Port 80/TCP leads to port 9/TCP, which no container of 1 pod declares (web-1 has "
        '"http" (8080/TCP) and "dns" (53/TCP)); where nothing listens, connections are refused.',
        id="a-number-that-nobody-declares",
    ),
]


@pytest.mark.parametrize(("port", "expected"), PORTS)
def test_a_target_port_that_the_pods_do_not_have_is_named(port: JSON, expected: str) -> None:
    paper = Paper()
    paper.service(web(ports=[{"port": 80, **port}]))
    paper.pod(ready_pod("web-1", containers=HTTP))
    assert f"  {expected}" in explanation_text(paper.explain()).split("\n")


def test_containers_that_declare_nothing_raise_no_suspicion() -> None:
    paper = Paper()
    paper.service(web())
    paper.pod(ready_pod("web-1", containers=[container()]))
    assert paper.texts() == []


KINDS = [
    pytest.param(
        service("web", type="ExternalName", externalName="db.example.com", ports=[]),
        "- It is nothing but a name: DNS answers with a CNAME to db.example.com.",
        id="external-name",
    ),
    pytest.param(
        service("web", type="ExternalName", externalName="10.1.2.3", ports=[]),
        '! externalName "10.1.2.3" looks like an address',
        id="external-name-that-is-an-address",
    ),
    pytest.param(web(clusterIP="None"), "- It is headless (clusterIP None): nothing listens for it", id="headless"),
    pytest.param(
        service("web"), "! It has no selector, so no pod is looked for, and there are no endpoints", id="no-selector"
    ),
    pytest.param(
        service(
            "web", metadata={"labels": {"service.kubernetes.io/service-proxy-name": "envoy"}}, selector={"app": "web"}
        ),
        '! It is left to the proxy "envoy" by its label',
        id="another-proxy",
    ),
    pytest.param(
        service(
            "web",
            metadata={"labels": {"service.kubernetes.io/service-proxy-name": "kubedns"}},
            selector={"app": "no-pod-has-this"},
        ),
        "- The cluster's own name server listens at its addresses",
        id="the-name-server",
    ),
    pytest.param(
        service("web", metadata={"labels": {"service.kubernetes.io/headless": ""}}, selector={"app": "web"}),
        "! Its label service.kubernetes.io/headless tells the proxy to leave it alone",
        id="headless-label",
    ),
    pytest.param(
        web(type="LoadBalancer", loadBalancerClass="example.com/lb"),
        '! Its load-balancer address is pending: it asks for the loadBalancerClass "example.com/lb"',
        id="somebody-elses-load-balancer",
    ),
    pytest.param(
        web(type="LoadBalancer", allocateLoadBalancerNodePorts=False, loadBalancerSourceRanges=["10.0.0.0/8"]),
        "- Its load-balancer address answers clients from 10.0.0.0/8 only",
        id="source-ranges",
    ),
    pytest.param(
        web(type="LoadBalancer", allocateLoadBalancerNodePorts=False),
        "- Port 80 has no node port: allocateLoadBalancerNodePorts is false.",
        id="no-node-port",
    ),
    pytest.param(
        web(publishNotReadyAddresses=True), "- publishNotReadyAddresses is true", id="publish-not-ready-addresses"
    ),
]


@pytest.mark.parametrize(("obj", "expected"), KINDS)
def test_what_a_service_is_explains_what_it_does(obj: JSON, expected: str) -> None:
    paper = Paper()
    paper.service(obj)
    text = explanation_text(paper.explain())
    assert f"\n  {expected}" in text, text


def test_a_load_balancer_that_gets_no_address_repeats_why() -> None:
    paper = Paper()
    created = paper.service(web(type="LoadBalancer"))
    paper.event(created, "SyncLoadBalancerFailed", "no address is left in the pool")
    assert "Its load-balancer address is pending: no address is left in the pool." in paper.problems()


def test_a_service_without_selector_leads_to_what_was_written_down() -> None:
    paper = Paper()
    paper.service(service("web"))
    paper.slice("web", "127.250.9.9", is_ready=False)
    assert paper.problems() == ["The endpoint 127.250.9.9 is said to be not ready."]


def test_a_port_that_no_endpoint_slice_has_by_its_name_leads_nowhere() -> None:
    paper = Paper()
    paper.service(service("web"))
    paper.slice("web", "127.250.9.9", ports=[{"name": ""}, {"name": "http", "port": 8080, "protocol": "TCP"}])
    assert paper.problems() == [
        "Port 80/TCP leads nowhere: its EndpointSlices give no number for the TCP port without a name; they have "
        '"http" (8080/TCP).'
    ]


def test_an_address_that_cannot_be_had_is_a_problem() -> None:
    paper = Paper()
    created = paper.service(web())
    paper.pod(ready_pod("web-1"))
    address = created["spec"]["clusterIP"]
    document = paper.explain(errors={address: f"{address}:80 is already in use by nginx (pid 7)"})
    assert document["findings"][0]["text"] == f"{address}:80 is already in use by nginx (pid 7)."
    assert "    cannot be reached" in explanation_text(document).split("\n")


def test_the_younger_of_two_services_that_want_one_address_is_told_so() -> None:
    paper = Paper()
    paper.service(web(externalIPs=["10.9.9.9"]))
    paper.service(service("late", selector={"app": "web"}, externalIPs=["10.9.9.9"]))
    paper.pod(ready_pod("web-1"))
    (found,) = paper.problems("late")
    assert found.startswith("Port conflict detected on port 10.9.9.9:80")


def test_a_policy_local_says_on_which_nodes_nobody_answers() -> None:
    paper = Paper()
    created = paper.service(web(type="NodePort", externalTrafficPolicy="Local"))
    paper.pod(ready_pod("web-1", node="node-2"))
    document = paper.explain()
    assert [each["text"] for each in document["findings"]] == [
        "externalTrafficPolicy is Local and node-1 has no endpoint: connections there time out; "
        "endpoints are on node-2."
    ]
    port = created["spec"]["ports"][0]["nodePort"]
    lines = explanation_text(document).split("\n")
    at = lines.index(f"  127.171.0.101:{port}/TCP (nodePort)")
    assert lines[at + 1].startswith("    from outside, node-2: connections time out: externalTrafficPolicy is Local")
    assert lines[at + 2].startswith("    from node-1: -> 127.250.")


def test_when_all_is_well_every_address_has_its_endpoints() -> None:
    paper = Paper()
    created = paper.service(web())
    paper.pod(ready_pod("web-1"), podIP="127.250.1.1", podIPs=[{"ip": "127.250.1.1"}])
    assert explanation_text(paper.explain()).split("\n") == [
        "Service default/web (ClusterIP) has 1 endpoint, all ready.",
        "",
        f"  {created['spec']['clusterIP']}:80/TCP (clusterIP)",
        "    -> 127.250.1.1:80 (web-1 on node-1)",
        "",
        "Nothing is wrong with it.",
    ]
    assert paper.explain()["healthy"] is True


def test_an_endpoint_that_the_proxy_knows_to_be_dead_is_a_problem() -> None:
    paper = Paper()
    paper.service(service("web"))
    paper.slice("web", "10.65.40.20")
    document = paper.explain(doubts={"10.65.40.20:80": "did not answer", "10.9.9.9:80": "is another's"})
    assert [each["text"] for each in document["findings"] if each["weight"] == "problem"] == [
        "The endpoint 10.65.40.20:80 did not answer."
    ]
    assert not document["healthy"]
    assert "Nothing is wrong" not in explanation_text(document)


def weighed_pod(name: str, weight: str) -> JSON:
    made = ready_pod(name)
    made["metadata"]["annotations"] = {"kubesvc.dev/weight": weight}
    return made


def test_weights_are_told_and_without_any_above_0_clients_are_refused() -> None:
    paper = Paper()
    paper.service(web())
    paper.pod(weighed_pod("a", "5"))
    paper.pod(weighed_pod("b", "0"))
    assert [each for each in paper.texts() if "eight" in each] == [
        "The algorithm random looks at no weight but 0; weighted_round_robin, for one, shares by them.",
        "The endpoints have weights: a 5 and b 0; with 0 nothing new comes.",
    ]
    paper = Paper()
    paper.service(web(metadata={"annotations": {"kubesvc.dev/balancer": "wrr"}}))
    paper.pod(weighed_pod("a", "5"))
    assert [each for each in paper.texts() if "eight" in each] == ["The endpoints have weights: a 5."]
    paper = Paper()
    paper.service(web())
    paper.pod(weighed_pod("a", "5"))
    paper.pod(weighed_pod("b", "0"))
    assert [each["weight"] for each in paper.explain()["endpoints"]] == [5, 0]
    paper = Paper()
    paper.service(web())
    paper.pod(weighed_pod("a", "0"))
    assert paper.problems() == ["All endpoints that serve have the weight 0 (kubesvc.dev/weight): clients are refused."]
    assert "weight 0" in explanation_text(paper.explain())


def test_what_keeps_or_hashes_requests_is_told() -> None:
    paper = Paper()
    annotations = {
        "kubesvc.dev/affinity-cookie": "id",
        "kubesvc.dev/balancer": "haproxy_hash",
        "kubesvc.dev/balancer-options": '{"hash_on": "header:X-User"}',
    }
    ports = [{"name": "a", "port": 80, "appProtocol": "http"}, {"name": "b", "port": 81}]
    paper.service(web(metadata={"annotations": annotations}, ports=ports, sessionAffinity="ClientIP"))
    assert [each for each in paper.texts() if "equests" in each] == [
        "Requests are hashed by their header X-User, those without it by their source.",
        "Requests keep to one endpoint by the cookie id; those without it by the client's address (sessionAffinity).",
        "Connections to port b are hashed by their source: a header X-User is only in HTTP requests.",
    ]


def test_an_external_name_that_does_not_resolve_is_a_problem() -> None:
    paper = Paper()
    paper.service(service("web", type="ExternalName", externalName="example.com", ports=[]))
    why = "Its target example.com has no address: an upstream name server answers SERVFAIL."
    document = paper.explain(unresolved=why)
    assert (document["findings"][0]["text"], document["healthy"]) == (why, False)
    assert paper.explain()["healthy"]


@pytest.mark.parametrize(
    ("name", "namespace", "expected"),
    [
        pytest.param("wbe", "default", "; did you mean web?", id="near"),
        pytest.param("zzz", "default", "; there is kubernetes and web", id="far"),
        pytest.param("web", "shop", "; it is in namespace default, use -n", id="another-namespace"),
        pytest.param("zzz", "shop", "; there are no Services in it", id="nothing"),
    ],
)
def test_a_service_that_is_not_there_is_answered_with_what_is(name: str, namespace: str, expected: str) -> None:
    paper = Paper()
    paper.service(web())
    with pytest.raises(StatusError) as refused:
        find_service(paper.registry.store, namespace, name)
    assert refused.value.message == f'services "{name}" not found in namespace {namespace}{expected}'


@pytest.mark.parametrize(
    ("wildcard", "weight"),
    [
        pytest.param(Wildcard(ObjectKey("default", "web-1"), "app", "127.250.1.1", "TCP", 80), "hint", id="its-own"),
        pytest.param(Wildcard(ObjectKey("default", "web-1"), "app", "127.250.1.1", "TCP", 10080), "hint", id="moved"),
        pytest.param(Wildcard(ObjectKey("other", "db"), "db", "127.250.2.1", "TCP", 80), "problem", id="another-pods"),
        pytest.param(Wildcard(ObjectKey("other", "db"), "db", "127.250.2.1", "UDP", 80), None, id="another-protocol"),
        pytest.param(Wildcard(ObjectKey("default", "web-1"), "app", "127.250.1.1", "TCP", 81), None, id="another-port"),
    ],
)
def test_who_listens_at_a_services_port_on_all_addresses_is_told(wildcard: Wildcard, weight: str | None) -> None:
    paper = Paper()
    paper.service(web())
    paper.pod(ready_pod("web-1"))
    told = [each for each in paper.explain(wildcards=[wildcard])["findings"] if "all addresses" in each["text"]]
    assert [each["weight"] for each in told] == ([weight] if weight else [])
    remedy = f"have it bind $POD_IP ({wildcard.pod_ip}); {PLACE_OF_ITS_OWN}."
    assert all(each["text"].endswith(remedy) for each in told)


def test_two_pods_of_a_service_that_listen_on_all_addresses_take_each_others_traffic() -> None:
    paper = Paper()
    paper.service(web())
    for number in (1, 2):
        paper.pod(ready_pod(f"web-{number}"))
    wildcard = Wildcard(ObjectKey("default", "web-1"), "app", "127.250.1.1", "TCP", 80)
    assert not paper.explain(wildcards=[wildcard])["healthy"]


def test_a_pod_whose_address_is_taken_says_so_until_it_is_ready() -> None:
    paper = Paper()
    paper.service(web())
    status = {"name": "app", "ready": False, "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    made = paper.pod(labelled("web-1", app="web"), containerStatuses=[status])
    paper.event(made, "AddressInUse", "container app has ended as its address is taken")
    said = "Pod web-1: container app has ended as its address is taken."
    assert said in paper.problems()
    assert taken_addresses(paper.registry.store) == [f"Pod default/web-1: {said[11:-1]}"]
    ready = {**made["status"], "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": []}
    current = paper.registry.store.find(scheme.PODS, ObjectKey("default", "web-1"))
    assert current is not None
    paper.registry.update_status(scheme.PODS, {**current, "status": ready})
    assert said not in paper.problems()
    assert taken_addresses(paper.registry.store) == []

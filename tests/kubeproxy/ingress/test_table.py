"""What becomes of requests: tables of hosts and paths as Ingresses write them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.ingress import IngressBackend, read_ingress
from kubeproxy.ingress.certificates import KeyPair
from kubeproxy.ingress.compiling import Compiled, compile_table
from kubeproxy.ingress.table import IngressDecision, host_of
from kubeproxy.types import ServicePortName

DEFAULT = KeyPair(b"default", b"")
NGINX = "nginx.ingress.kubernetes.io/"


def path(text: str, kind: str = "Prefix", service: str = "") -> JSON:
    """Return a path of a rule; it leads to the Service that is named like it unless ``service`` says otherwise."""
    name = service or text.strip("/").replace("/", "-") or "root"
    return {"path": text, "pathType": kind, "backend": {"service": {"name": name, "port": {"number": 80}}}}


def ingress(*paths: JSON, host: str = "", name: str = "web", at: int = 1, **given: Any) -> JSON:
    """Return an Ingress; ``annotations`` are ingress-nginx's, without their prefix."""
    rules = [{"host": host, "http": {"paths": list(paths)}}] if paths else []
    annotations = {NGINX + key.replace("_", "-"): text for key, text in given.pop("annotations", {}).items()}
    created = f"2026-01-01T00:00:{at:02}Z"
    metadata = {"name": name, "namespace": "shop", "creationTimestamp": created, "annotations": annotations}
    return {"metadata": metadata, "spec": {"rules": rules, **given}}


def find_port(namespace: str, backend: IngressBackend) -> ServicePortName | str:
    if backend.resource or backend.service == "missing":
        return f"Service {namespace}/{backend.service} does not exist"
    return ServicePortName(namespace, backend.service, "", "TCP")


def find_pair(key: ObjectKey) -> KeyPair | str:
    return "does not exist" if key.name == "missing" else KeyPair(key.name.encode(), b"")


def compiled(*objects: JSON) -> Compiled:
    return compile_table(map(read_ingress, objects), find_port, find_pair, DEFAULT)


def asked(where: str, *objects: JSON, is_tls: bool = True) -> IngressDecision:
    """Return the decision about ``host/path``."""
    host, slash, rest = where.partition("/")
    return compiled(*objects).table.decide(host, (slash + rest).encode(), is_tls=is_tls)


def got(decision: IngressDecision) -> str:
    """Return the Service that gets the request, else the status of the answer."""
    leaf = decision.leaf
    return leaf.port_name.name if not decision.status and leaf and leaf.port_name else str(decision.status)


# The table of https://kubernetes.io/docs/concepts/services-networking/ingress/#examples.
MATCHES = [
    ("Prefix", ["/"], "/anything", "root"),
    ("Exact", ["/foo"], "/foo", "foo"),
    ("Exact", ["/foo"], "/bar", "404"),
    ("Exact", ["/foo"], "/foo/", "404"),
    ("Exact", ["/foo/"], "/foo", "404"),
    ("Prefix", ["/foo"], "/foo", "foo"),
    ("Prefix", ["/foo"], "/foo/", "foo"),
    ("Prefix", ["/foo/"], "/foo", "foo"),
    ("Prefix", ["/foo/"], "/foo/", "foo"),
    ("Prefix", ["/aaa/bb"], "/aaa/bbb", "404"),
    ("Prefix", ["/aaa/bbb"], "/aaa/bbb", "aaa-bbb"),
    ("Prefix", ["/aaa/bbb/"], "/aaa/bbb", "aaa-bbb"),
    ("Prefix", ["/aaa/bbb"], "/aaa/bbb/", "aaa-bbb"),
    ("Prefix", ["/aaa/bbb"], "/aaa/bbb/ccc", "aaa-bbb"),
    ("Prefix", ["/aaa/bbb"], "/aaa/bbbxyz", "404"),
    ("Prefix", ["/", "/aaa"], "/aaa/ccc", "aaa"),
    ("Prefix", ["/", "/aaa"], "/ccc", "root"),
    ("Prefix", ["/", "/aaa", "/aaa/bbb"], "/aaa/bbb", "aaa-bbb"),
    ("Prefix", ["/", "/aaa", "/aaa/bbb"], "/ccc", "root"),
    ("Prefix", ["/aaa"], "/ccc", "404"),
    ("ImplementationSpecific", ["/foo"], "/foobar", "foo"),
]


@pytest.mark.parametrize(("kind", "paths", "request_path", "service"), MATCHES)
def test_a_path_is_matched_as_kubernetes_documents_it(
    kind: str, paths: list[str], request_path: str, service: str
) -> None:
    assert got(asked(f"a.example{request_path}", ingress(*(path(each, kind) for each in paths)))) == service


def test_of_equal_paths_the_exact_one_wins() -> None:
    both = ingress(path("/foo", "Prefix", "prefix"), path("/foo", "Exact", "exact"), path("/", service="root"))
    assert [got(asked(f"a{each}", both)) for each in ("/foo", "/foo/", "/fo")] == ["exact", "prefix", "root"]


@pytest.mark.parametrize(
    ("where", "service"),
    [
        ("a.example.com/x", "exact"),
        ("b.example.com/x", "wild"),
        ("example.com/x", "any"),
        ("b.c.example.com/x", "any"),
        ("a.example.com/other", "404"),
        ("/x", "any"),
    ],
)
def test_the_exact_host_goes_before_the_wildcard_and_both_before_rules_without_a_host(where: str, service: str) -> None:
    table = [
        ingress(path("/x", service="exact"), host="a.example.com", name="a"),
        ingress(path("/", service="wild"), host="*.example.com", name="b"),
        ingress(path("/", service="any"), name="c"),
    ]
    assert got(asked(where, *table)) == service


def test_a_default_backend_gets_what_no_path_takes() -> None:
    def backend(name: str) -> JSON:
        return {"service": {"name": name, "port": {"number": 80}}}

    table = [
        ingress(path("/x"), host="a.example", name="a", defaultBackend=backend("own")),
        ingress(name="b", defaultBackend=backend("everybody")),
    ]
    asked_for = ("a.example/x", "a.example/y", "other.example/x")
    assert [got(asked(each, *table)) for each in asked_for] == ["x", "own", "everybody"]


def test_of_two_ingresses_with_one_path_the_older_has_it_and_the_other_is_told() -> None:
    young, old = ingress(path("/", service="young"), at=9), ingress(path("/", service="old"), name="z", at=1)
    found = compiled(young, old)
    assert got(found.table.decide("a", b"/", is_tls=True)) == "old"
    assert [(each.ingress.name, each.reason) for each in found.problems] == [("web", "PathConflict")]


@pytest.mark.parametrize(
    ("asked_for", "service"),
    [
        ("/a//b", "a-b"),
        ("/a/./b", "a-b"),
        ("/x/../a/b", "a-b"),
        ("/a%2Fb", "a-b"),
        ("/%61/b?x=/../", "a-b"),
        ("/..", "400"),
    ],
)
def test_paths_are_compared_in_their_normal_form(asked_for: str, service: str) -> None:
    decision = asked(f"a{asked_for}", ingress(path("/a/b")))
    assert got(decision) == service
    assert decision.status or decision.target == asked_for.encode(), "the endpoint gets it as it came"


@pytest.mark.parametrize(
    ("pattern", "target", "asked_for", "becomes"),
    [
        ("/api", "/", "/api/users?a=1", "/?a=1"),
        ("/api(/|$)(.*)", "/$2", "/api/users/7?a=1", "/users/7?a=1"),
        ("/api(/|$)(.*)", "/$2", "/api", "/"),
        ("/api(/|$)(.*)", "/v1/$2", "/API/users", "/v1/users"),
        ("/old/(.*)", "/new?was=$1", "/old/x?a=1", "/new?was=x&a=1"),
        ("/old/(.*)", "/new/$1?", "/old/x?a=1", "/new/x"),
        ("/a/(.*)", "/$1", "/a/b%20c", "/b%20c"),
        ("/a/(.*)", "/$3$1", "/a/b", "/b"),
    ],
)
def test_rewrite_target_takes_the_place_of_the_path(pattern: str, target: str, asked_for: str, becomes: str) -> None:
    rule = path(pattern, "ImplementationSpecific", "api")
    decision = asked(f"a{asked_for}", ingress(rule, annotations={"rewrite_target": target, "use_regex": "true"}))
    assert (got(decision), decision.target.decode()) == ("api", becomes)


def test_with_a_regular_expression_all_paths_of_the_host_are_some_the_longest_first() -> None:
    table = [
        ingress(
            path("/foo/bar", "ImplementationSpecific", "long"), path("/foo/[a-z]+", "ImplementationSpecific", "any")
        ),
        ingress(path("/foo", "Prefix", "plain"), name="other", annotations={"use_regex": "false"}),
    ]
    table[0]["metadata"]["annotations"] = {f"{NGINX}use-regex": "true"}
    asked_for = ("/foo/bar", "/FOO/x", "/foo/9", "/foobar")
    assert [got(asked(f"a{each}", *table)) for each in asked_for] == ["any", "any", "plain", "404"]


def test_a_broken_regular_expression_costs_its_path_alone() -> None:
    found = compiled(ingress(path("/a(", service="a"), path("/b"), annotations={"use_regex": "true"}))
    assert [got(found.table.decide("x", each, is_tls=True)) for each in (b"/a(", b"/b")] == ["404", "b"]
    assert [each.reason for each in found.problems] == ["PathInvalid"]


TLS = [{"hosts": ["a.example", "*.b.example"], "secretName": "cert"}]


@pytest.mark.parametrize(
    ("host", "annotations", "status"),
    [
        ("a.example", {}, 308),
        ("x.b.example", {}, 308),
        ("c.example", {}, 0),
        ("a.example", {"ssl_redirect": "false"}, 0),
        ("c.example", {"force_ssl_redirect": "true"}, 308),
    ],
)
def test_hosts_with_tls_are_redirected_to_it(host: str, annotations: dict[str, str], status: int) -> None:
    web = ingress(path("/", service="web"), host=host, tls=TLS, annotations=annotations)
    plain, tls = (asked(f"{host}/p?q=1", web, is_tls=each) for each in (False, True))
    assert (plain.status, tls.status) == (status, 0)
    assert not status or plain.location == (f"https://{host}", "/p?q=1")


def test_each_name_gets_its_certificate_and_others_the_default_one() -> None:
    web = ingress(path("/"), host="a.example", tls=[*TLS, {"hosts": ["c.example"], "secretName": "missing"}])
    found = compiled(web)
    certificates = found.table.certificates
    assert certificates is not None
    names = ("a.example", "A.example.", "x.b.example", "x.y.b.example", "c.example", "other", None)
    got_pairs = [certificates.find(each).certificate.decode() for each in names]
    assert got_pairs == ["cert", "cert", "cert", "default", "default", "default", "default"]
    (problem,) = found.problems
    assert problem.message == "Secret shop/missing does not exist: clients of c.example get the default certificate"


PROBLEMS = [
    (
        {"proxy_body_size": "8m", "cors": "x"},
        "/",
        "AnnotationIgnored",
        "Without effect here: .*cors, .*proxy-body-size",
    ),
    ({"ssl_redirect": "yes"}, "/", "AnnotationInvalid", "'yes' is neither true nor false: true is taken"),
    ({"rewrite_target": "https://other"}, "/", "AnnotationInvalid", "'https://other' is no path"),
    ({"backend_protocol": "GRPC"}, "/", "BackendProtocolNotServed", "GRPC is not served, HTTP and HTTPS are"),
    ({}, "/missing", "BackendNotServed", "path /missing .*: Service shop/missing does not exist: .* answered 503"),
]


@pytest.mark.parametrize(("annotations", "asked_for", "reason", "text"), PROBLEMS)
def test_what_has_no_effect_is_told(annotations: dict[str, str], asked_for: str, reason: str, text: str) -> None:
    (problem,) = compiled(ingress(path(asked_for), annotations=annotations)).problems
    assert problem.reason == reason
    assert re.search(text, problem.message)


def test_a_protocol_that_is_not_served_is_answered_502() -> None:
    assert got(asked("a/", ingress(path("/"), annotations={"backend_protocol": "GRPC"}))) == "502"


def test_endpoints_that_speak_tls_are_spoken_to_by_tls() -> None:
    leaves = (
        asked("a/", ingress(path("/"), annotations={"backend_protocol": each})).leaf for each in ("https", "HTTP")
    )
    assert [each.speaks_tls for each in leaves if each] == [True, False]


@pytest.mark.parametrize(
    ("value", "host"),
    [(b"A.Example:10080", "a.example"), (b"a.example.", "a.example"), (b"[::1]:80", "[::1]"), (None, "")],
)
def test_a_host_is_compared_without_case_port_and_final_dot(value: bytes | None, host: str) -> None:
    assert host_of(value) == host


def test_a_key_is_in_no_text() -> None:
    assert "secret" not in repr(KeyPair(b"certificate", b"secret"))

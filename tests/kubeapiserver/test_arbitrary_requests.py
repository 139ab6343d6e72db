"""Whatever is sent: there is an answer, and a refused write has changed nothing."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.kubeapi.objects import deployment, pod, service
from tests.helpers.kubeapiserver.client import APPS, DEFAULT, PATCH_TYPES, TABLE_ACCEPT, APIClient

from kubeapi.meta import JSON, copy_object
from kubeapi.scheme import PODS, SERVICES
from kubeapi.status import StatusError
from kubeapiserver.messages import Request, Response
from kubeapiserver.requests.selectors import select

FUZZ = settings(max_examples=150)

parts = st.sampled_from(
    ["", "api", "apis", "v1", "apps", "namespaces", "default", "pods", "web", "services", "deployments", "scale",
     "status", "log", "exec", "finalize", "events", "nodes", "eviction", "binding", "version", "watch", "%2F", "..",
     "portforward"]
)  # fmt: skip
paths = st.lists(parts, max_size=8).map(lambda each: "/" + "/".join(each)) | st.text(max_size=20).map("/".__add__)
methods = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"])
flags = st.sampled_from(
    ["", "0", "1", "true", "-1", "All", "x", "NotOlderThan", "Exact", "Strict", "99999999999999999999"]
)
queries = st.dictionaries(
    st.sampled_from(
        ["watch", "resourceVersion", "resourceVersionMatch", "labelSelector", "fieldSelector", "limit", "continue",
         "timeoutSeconds", "dryRun", "fieldManager", "fieldValidation", "force", "sendInitialEvents", "tailLines",
         "sinceTime", "container", "command", "stdin", "ports", "includeObject", "allowWatchBookmarks", "pretty"]
    ),
    st.lists(flags | st.text(max_size=12), min_size=1, max_size=2),
    max_size=4,
)  # fmt: skip
headers = st.fixed_dictionaries(
    {},
    optional={
        "accept": st.sampled_from([TABLE_ACCEPT, "*/*", "", ";;,", "application/json;q=x;as=Table"])
        | st.text(max_size=20),
        "content-type": st.sampled_from([*PATCH_TYPES.values(), "application/json", "text/plain"])
        | st.text(max_size=20),
    },
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda each: st.lists(each, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["metadata", "spec", "status", "name", "labels", "ports", "port", "kind", "apiVersion", "replicas", "items",
             "containers", "template", "target", "finalizers", "resourceVersion", "namespace", "$patch",
             "$setElementOrder/ports", "$retainKeys", "$deleteFromPrimitiveList/finalizers", "ownerReferences",
             "deleteOptions", "op", "path", "value", "from", "selector", "managedFields", "conditions"]
        ),
        each,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@st.composite
def nearly_valid(draw: st.DrawFn) -> JSON:
    """Return a good object, or a patch of one, with one value put in the place of another."""
    obj = copy_object(draw(st.sampled_from([service("web"), pod("web"), deployment("web")])))
    where: Any = obj
    while True:
        name = draw(st.sampled_from(sorted(where) if isinstance(where, dict) else range(len(where))))
        if not isinstance(where[name], (dict, list)) or not where[name] or draw(st.booleans()):
            where[name] = draw(values)
            return obj
        where = where[name]


values_or_objects = values | nearly_valid()
bodies = st.binary(max_size=30) | values_or_objects.map(lambda each: json.dumps(each).encode())


def cluster() -> APIClient:
    client = APIClient()
    client.post(f"{DEFAULT}/services", service("web"))
    client.post(f"{DEFAULT}/pods", pod("web", nodeName="n1"))
    client.post(f"{APPS}/deployments", deployment("web"))
    return client


def state_of(client: APIClient) -> list[JSON]:
    return [each for resource in (SERVICES, PODS) for each in client.registry.store.list(resource)]


@FUZZ
@given(methods, paths, queries, headers, bodies)
def test_there_is_always_an_answer(
    method: str, path: str, query: dict[str, list[str]], heads: dict[str, str], body: bytes
) -> None:
    answer = cluster().api.handle(Request(method, path, query, heads, body))
    if isinstance(answer, Response):
        assert 200 <= answer.status < 600


targets = st.sampled_from(
    [("POST", f"{DEFAULT}/services"), ("PUT", f"{DEFAULT}/services/web"), ("PATCH", f"{DEFAULT}/services/web"),
     ("PATCH", f"{DEFAULT}/pods/web"), ("PATCH", f"{APPS}/deployments/web"), ("PATCH", f"{APPS}/deployments/web/scale"),
     ("PATCH", f"{APPS}/deployments/web/status"), ("PUT", f"{APPS}/deployments/web/status"),
     ("PATCH", f"{DEFAULT}/pods/web/status"), ("POST", f"{DEFAULT}/pods/web/eviction"),
     ("POST", f"{DEFAULT}/pods"), ("POST", f"{DEFAULT}/configmaps"), ("POST", f"{DEFAULT}/events"),
     ("DELETE", f"{DEFAULT}/services/web"), ("PUT", "/api/v1/namespaces/default/finalize"),
     ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"), ("POST", "/api/v1/nodes")]
)  # fmt: skip


@FUZZ
@given(targets, st.sampled_from([*PATCH_TYPES.values(), "application/json"]), values_or_objects, queries)
def test_a_refused_write_changes_nothing(
    target: tuple[str, str], media: str, body: Any, query: dict[str, list[str]]
) -> None:
    client = cluster()
    before, version = state_of(client), client.version()
    content = json.dumps(body).encode()
    answer = client.api.handle(Request(*target, query, {"content-type": media}, content))
    assert isinstance(answer, Response)
    if answer.status >= 300 or any(query.get("dryRun", ())):
        assert (state_of(client), client.version()) == (before, version)
    # What was accepted can be read in every form.
    for path in (f"{DEFAULT}/services", f"{DEFAULT}/pods", f"{APPS}/deployments", f"{DEFAULT}/events", "/api/v1/nodes"):
        assert client.get(path, TABLE_ACCEPT).status == 200


pointers = st.sampled_from(
    ["", "/", "/spec", "/spec/ports", "/spec/ports/0", "/spec/ports/-", "/metadata", "/x/y", "/~1"]
)
operations = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": pointers},
    optional={"from": pointers, "value": values},
)


@FUZZ
@given(st.lists(operations, max_size=4))
def test_json_patches_are_applied_or_refused(patch: list[JSON]) -> None:
    client = cluster()
    before = state_of(client)
    reply = client.patch(f"{DEFAULT}/services/web", patch, "json")
    assert reply.status in (200, 400, 409, 422)
    assert reply.status == 200 or state_of(client) == before


@FUZZ
@given(st.text(alphabet=st.sampled_from("ab=!,()<> in\\/.-~\u00e9"), max_size=20) | st.text(max_size=20))
def test_selectors_are_understood_or_refused(text: str) -> None:
    obj = {"metadata": {"name": "a", "namespace": "b", "labels": {"a": "b"}}}
    for labels, fields in ((text, ""), ("", text)):
        try:
            matches = select(PODS, labels, fields)
        except StatusError as refusal:
            assert refusal.code == 400
        else:
            assert matches is None or isinstance(matches(obj), bool)

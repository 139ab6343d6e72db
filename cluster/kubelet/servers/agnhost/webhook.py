"""agnhost's ``webhook``: admission webhooks for tests, over TLS. Follows ``test/images/agnhost/webhook``.

AdmissionReviews of v1 are answered. ``/convert`` is none of its paths: that is another command.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from kubelet.servers.http.messages import Request, Response, Service

Document = dict[str, Any]
Admit = Callable[[Document], Document]

DELAY_SECONDS = 5.0
HANG_SECONDS = 60.0
"""For what the real one sleeps for ever: longer than an API server waits for any webhook."""
_DISALLOW = "webhook-disallow"
_MARK = "webhook-e2e-test"


def webhook(options: Mapping[str, Any], _name: str) -> Service:
    """Return the service; ``certificate`` and ``key`` are files, in PEM."""
    paths: dict[str, Admit] = {**_PATHS, "/mutating-pods-sidecar": partial(_mutate_pods_sidecar, options["sidecar"])}

    def respond(request: Request) -> Response:
        if request.path == "/readyz":
            return Response(200, b"ok")
        admit = paths.get(request.path)
        if admit is None:
            return Response(404, b"404 page not found\n")
        return Response(200, b"", later=partial(_answer, admit, request))

    return Service(respond, (), certificate=(options["certificate"], options["key"]))


def _answer(admit: Admit, request: Request) -> Response:
    if request.headers.get("content-type") != "application/json":
        return Response(200, b"")
    try:
        asked = json.loads(request.body)["request"]
        uid = asked["uid"]
    except (ValueError, KeyError, TypeError) as error:
        return Response(400, f"Request could not be decoded: {error}\n".encode())
    response = {"uid": uid, **admit(asked)}
    review = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response}
    return Response(200, json.dumps(review).encode(), "application/json")


def _allowed(patch: object = None) -> Document:
    if patch is None:
        return {"allowed": True}
    encoded = base64.b64encode(json.dumps(patch).encode()).decode()
    return {"allowed": True, "patch": encoded, "patchType": "JSONPatch"}


def _denied(message: str = "", reason: str = "") -> Document:
    said = {"message": message} if message else {"reason": reason}
    return {"allowed": False, "status": {"metadata": {}, **said}}


def _add(path: str, value: object, op: str = "add") -> list[Document]:
    return [{"op": op, "path": path, "value": value}]


def _part(asked: Document, *path: str) -> Any:
    """Return a part of the new object, of the old one if it is deleted; an empty map where there is none."""
    found: Any = asked.get("oldObject" if asked.get("operation") == "DELETE" else "object")
    for name in path:
        found = found.get(name) if found else None
    return {} if found is None else found


def _is_resource(asked: Document, plural: str) -> bool:
    return bool(asked.get("resource") == {"group": "", "version": "v1", "resource": plural})


def _unexpected(plural: str) -> Document:
    return _denied(f"expect resource to be {{ v1 {plural}}}")


def _always_allow(_asked: Document) -> Document:
    time.sleep(DELAY_SECONDS)
    return {"allowed": True, "status": {"metadata": {}, "message": "this webhook allows all requests"}}


def _always_deny(_asked: Document) -> Document:
    return _denied("this webhook denies all requests")


def _add_label(asked: Document) -> Document:
    labels = _part(asked, "metadata", "labels")
    if not labels:
        return _allowed(_add("/metadata/labels", {"added-label": "yes"}))
    if "added-label" not in labels:
        return _allowed(_add("/metadata/labels/added-label", "yes"))
    return _allowed(_add("/metadata/labels/added-label", "yes", "replace") if labels["added-label"] != "yes" else None)


def _pods(asked: Document) -> Document:
    if not _is_resource(asked, "pods"):
        return _unexpected("pods")
    mark, said = _part(asked, "metadata", "labels").get(_MARK), []
    if mark == _DISALLOW:
        said.append("the pod contains unwanted label;")
    if mark == "wait-forever":
        time.sleep(HANG_SECONDS)
        said.append("the pod response should not be sent;")
    names = [str(each.get("name")) for each in _part(asked, "spec", "containers")]
    said += ["the pod contains unwanted container name;" for name in names if _DISALLOW in name]
    return _denied(" ".join(said)) if said else _allowed()


def _attaching(asked: Document) -> Document:
    options = _part(asked)
    is_meant = asked.get("name") == "to-be-attached-pod" and options.get("stdin")
    if is_meant and options.get("container") == "container1":
        return _denied("attaching to pod 'to-be-attached-pod' is not allowed")
    return _allowed()


def _mutate_pods(asked: Document) -> Document:
    name = "webhook-added-init-container"
    if _part(asked, "metadata").get("name") != "webhook-to-be-mutated" or _has(asked, "initContainers", name):
        return _allowed()
    return _allowed(_add("/spec/initContainers", [{"image": "webhook-added-image", "name": name, "resources": {}}]))


def _mutate_pods_sidecar(image: str, asked: Document) -> Document:
    if not image:
        text = "No image specified by the sidecar-image parameter"
        return {"allowed": False, "status": {"metadata": {}, "status": "Failure", "message": text, "code": 500}}
    name = "webhook-added-sidecar"
    container = {"image": image, "name": name, "resources": {}}
    return _allowed(None if _has(asked, "containers", name) else _add("/spec/containers/-", container))


def _has(asked: Document, field: str, name: str) -> bool:
    return any(each.get("name") == name for each in _part(asked, "spec", field))


def _content(what: str, contains: str, asked: Document) -> Document:
    """Deny ``what`` if its data say that it may not be written, or not be deleted."""
    mark = _part(asked, "data").get(_MARK)
    if mark == _DISALLOW and asked.get("operation") in ("CREATE", "UPDATE"):
        return _denied(reason=f"the {what} contains unwanted {contains}")
    if mark == "webhook-nondeletable" and asked.get("operation") == "DELETE":
        return _denied(reason=f"the {what} cannot be deleted because it contains unwanted key and value")
    return _allowed()


def _mutate_content(asked: Document) -> Document:
    values = _part(asked, "data")
    if values.get("mutation-stage-1") == "yes":
        return _allowed(_add("/data/mutation-stage-2", "yes"))
    return _allowed(_add("/data/mutation-stage-1", "yes") if values.get("mutation-start") == "yes" else None)


def _crd(asked: Document) -> Document:
    if _part(asked, "metadata", "labels").get(_MARK) == _DISALLOW:
        return _denied("the crd contains unwanted label")
    return _allowed()


_PATHS: Mapping[str, Admit] = {
    "/always-allow-delay-5s": _always_allow,
    "/always-deny": _always_deny,
    "/add-label": _add_label,
    "/pods": _pods,
    "/pods/attach": _attaching,
    "/mutating-pods": _mutate_pods,
    "/configmaps": partial(_content, "configmap", "key and value"),
    "/mutating-configmaps": _mutate_content,
    "/custom-resource": partial(_content, "custom resource", "data"),
    "/mutating-custom-resource": _mutate_content,
    "/crd": _crd,
}

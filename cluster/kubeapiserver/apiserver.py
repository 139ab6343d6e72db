"""From a Request to its answer: the one place that knows which handler answers what. Pure.

Follows apiserver ``pkg/endpoints/installer.go`` (which verb on which path) and kube-apiserver's handler chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kubeapi.registry import Registry
from kubeapi.scheme import EVENTS_V1, NAMESPACES
from kubeapi.status import StatusError
from kubeapiserver.auth.authorization import ADMINISTRATOR, Attributes, impersonated, refusal
from kubeapiserver.auth.reviews import review
from kubeapiserver.catalog import REVIEWS, Served, find_served, served_in
from kubeapiserver.discovery import Discovery
from kubeapiserver.errors import MethodNotAllowed, UnknownPath
from kubeapiserver.handlers.deletion import Deletion
from kubeapiserver.handlers.events import EventConversion
from kubeapiserver.handlers.patching import Patching
from kubeapiserver.handlers.reading import Reading
from kubeapiserver.handlers.subresources import Subresources
from kubeapiserver.handlers.writing import Writing
from kubeapiserver.hooks import Hooks
from kubeapiserver.messages import JSON_TYPE, Answer, Request, Response
from kubeapiserver.metrics import RequestMetrics
from kubeapiserver.proxying.location import Proxying
from kubeapiserver.requests.bodies import Bodies
from kubeapiserver.requests.negotiation import Form, is_pretty, negotiate, not_acceptable, preferred_media
from kubeapiserver.requests.paths import PROXY, Target, normalized, read_path
from kubeapiserver.responses.rendering import Renderer
from kubeapiserver.responses.statuses import failure_response, indented, not_found_page, text_response
from kubeapiserver.streaming.sessions import Sessions

VERSION = "v1.32.0+kubesvc"
"""The gitVersion that clients are told: kubectl 1.31 to 1.33 take it without a word about skew."""

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_HEALTH = ("/healthz", "/livez", "/readyz")
_CHECKS = ("ping", "log", "etcd")
"""The checks of a kube-apiserver that each have a path of their own; here all are the server's own being."""

_NEGOTIATED = ("/api/", "/apis/")
"""Where answers are in the media type that the client likes best."""


class APIServer:
    """Answers every request, with an error's Status if need be.

    ``address`` is where clients reach it (host:port), which only discovery tells.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        clock: Callable[[], float],
        version: str = VERSION,
        address: str = "127.0.0.1:6443",
        hooks: Hooks | None = None,
    ) -> None:
        hooks = hooks or Hooks()
        self._hooks = hooks
        self._store = registry.store
        self._clock = clock
        self._bodies = bodies = Bodies(hooks.decoders)
        renderer = Renderer(clock, registry.store.faults)
        self._discovery = Discovery(version, address)
        self._metrics = RequestMetrics(registry.store, version)
        self._reading = Reading(registry.store, renderer)
        self._writing = Writing(registry, bodies, renderer, hooks, clock)
        self._patching = Patching(registry, bodies, renderer, self._writing, hooks)
        self._deletion = Deletion(registry, bodies, renderer, self._reading)
        self._subresources = Subresources(registry, bodies, renderer, self._patching, hooks, clock)
        self._sessions = Sessions(registry.store, clock)
        self._events = EventConversion(registry.store, bodies, self._writing, self._patching, self._answer_stored_event)
        self._proxying = Proxying(registry.store, registry.rng)

    def handle(self, request: Request) -> Answer:
        """Answer a request. Nothing is awaited in between: a write is done, or refused, when this returns."""
        answer = self.answer(request)
        self.count(request, answer)
        return answer

    def count(self, request: Request, answer: Answer) -> None:
        """Count an answer for /metrics."""
        target = read_path(normalized(request.path))
        served = find_served(target.group, target.version, target.plural) if target else None
        self._metrics.count(request.method, served.resource.plural if served else "", answer)

    def answer(self, request: Request) -> Answer:
        """Answer a request that somebody else counts."""
        path = normalized(request.path)
        target = read_path(path)
        try:
            user = impersonated(request.headers)
            if user is not ADMINISTRATOR:
                request = replace(request, user=user)
                _authorize(request, path, target)
            answer = self._answer(request, path, target)
        except StatusError as error:
            answer = failure_response(error)
        if isinstance(answer, Response) and answer.content_type == JSON_TYPE and path.startswith(_NEGOTIATED):
            answer = self._encoded(request, answer)
        return answer

    def _encoded(self, request: Request, answer: Response) -> Response:
        """Return a JSON answer in the media type that the client likes best, and indented for who reads it."""
        media = preferred_media(request.headers.get("accept", ""))
        if encoder := self._hooks.encoders.get(media):
            return replace(answer, body=encoder(answer.body), content_type=media)
        return replace(answer, body=indented(answer.body)) if is_pretty(request) else answer

    def _answer(self, request: Request, path: str, target: Target | None) -> Answer:
        served = find_served(target.group, target.version, target.plural) if target else None
        if target is None or not (served or served_in(target.group, target.version)):
            return self._about(request, path)
        if not target.plural and path.count("/") == (3 if target.group else 2):
            return self._only_get(request, lambda _: self._discovery.resources(target.group, target.version))
        if (
            served is None
            or (target.is_watch and target.subresource)
            or (target.rest and not (target.subresource == PROXY and served.subresource(PROXY)))
        ):
            raise UnknownPath
        if served.resource.namespaced != bool(target.namespace) and (target.name or target.namespace):
            raise UnknownPath
        if target.subresource == PROXY and served.subresource(PROXY):
            return self._proxying.answer(request, target)
        if served.resource is EVENTS_V1 and not target.subresource:
            return self._events.answer(request, target)
        return self._answer_resource(request, served, target)

    def _answer_stored_event(self, request: Request, target: Target) -> Answer:
        served = find_served(target.group, target.version, target.plural)
        assert served is not None
        return self._answer_resource(request, served, target)

    def _about(self, request: Request, path: str) -> Response:
        """Answer what is not about objects."""
        about: dict[str, Callable[[Request], Response | None]] = {
            "/api": self._discovery.core_versions,
            "/apis": self._discovery.groups,
            "/version": lambda _: self._discovery.version(),
            "/": lambda _: self._discovery.paths(),
        }
        if path.startswith("/apis/") and path.count("/") == 2:
            about[path] = lambda _: self._discovery.group(path.removeprefix("/apis/"))
        if path in about:
            return self._only_get(request, about[path])
        if path == "/metrics":
            return self._metrics.response()
        if path in _HEALTH:
            return text_response(200, self._verbose_health(path) if "verbose" in request.query else "ok")
        if path.removeprefix("/").partition("/")[2] in _CHECKS and path.rpartition("/")[0] in _HEALTH:
            return text_response(200, "ok")
        return self._hooks.documents(request) or not_found_page()

    def _verbose_health(self, path: str) -> str:
        """Return what `kubectl get --raw '/readyz?verbose'` is for: every check by name.

        Who goes on without an object is well; the line says what is missing.
        """
        faults = [f"[+]{each.component} ok, but {' '.join(str(each).split())}" for each in self._store.faults.all()]
        return "\n".join(["[+]ping ok", *faults, f"{path.strip('/')} check passed", ""])

    def _only_get(self, request: Request, answer: Callable[[Request], Response | None]) -> Response:
        if request.method != "GET":
            raise MethodNotAllowed
        return answer(request) or not_found_page()

    def _answer_resource(self, request: Request, served: Served, target: Target) -> Answer:
        accept = request.headers.get("accept", "")
        form = negotiate(accept, has_tables=served.resource not in REVIEWS)
        if form is None:
            return not_acceptable(accept)
        if target.is_watch:
            if request.method != "GET" or "watch" not in served.verbs:
                raise MethodNotAllowed
            return self._reading.list_or_watch(request, served.resource, target, form)
        if target.name:
            return self._answer_object(request, served, target, form)
        return self._answer_collection(request, served, target, form)

    def _answer_collection(self, request: Request, served: Served, target: Target, form: Form) -> Answer:
        resource = served.resource
        is_everywhere = resource.namespaced and not target.namespace
        match request.method:
            case "GET" if "list" in served.verbs:
                return self._reading.list_or_watch(request, resource, target, form)
            case "POST" if resource in REVIEWS:
                return review(request, resource, self._bodies, self._clock())
            case "POST" if not is_everywhere and "create" in served.verbs:
                return self._writing.create(request, resource, target, form)
            case "DELETE" if not is_everywhere and "deletecollection" in served.verbs:
                return self._deletion.delete_collection(request, resource, target, form)
        raise MethodNotAllowed

    def _answer_object(self, request: Request, served: Served, target: Target, form: Form) -> Answer:
        resource = served.resource
        if "get" not in served.verbs:
            raise UnknownPath
        if target.subresource:
            return self._answer_part(request, served, target, form)
        if _VERBS.get(request.method) not in served.verbs:
            raise MethodNotAllowed
        match request.method:
            case "GET":
                return self._reading.get(request, resource, target, form)
            case "PUT":
                return self._writing.update(request, resource, target, form)
            case "PATCH":
                return self._patching.patch(request, resource, target, form)
            case "DELETE":
                return self._deletion.delete(request, resource, target, form)
        raise MethodNotAllowed

    def _answer_part(self, request: Request, served: Served, target: Target, form: Form) -> Answer:
        part = served.subresource(target.subresource)
        if part is None:
            raise UnknownPath
        if _VERBS.get(request.method) not in part.verbs:
            raise MethodNotAllowed
        if part.name == "eviction":
            return self._deletion.evict(request, target)
        answer = self._subresources.answer(request, served.resource, target, form)
        return answer if answer is not None else self._sessions.answer(request, target)


def _authorize(request: Request, path: str, target: Target | None) -> None:
    """Raise Forbidden if the user may not do what the request asks."""
    verb = _VERBS.get(request.method, request.method.lower())
    if target is None or not target.plural:
        attributes = Attributes(verb if verb == "get" else request.method.lower(), path=path)
    else:
        if target.is_watch or (verb == "get" and request.has_flag("watch") and not target.name):
            verb = "watch"
        elif not target.name:
            verb = {"get": "list", "delete": "deletecollection"}.get(verb, verb)
        namespace = target.name if target.plural == NAMESPACES.plural else target.namespace
        attributes = Attributes(verb, target.group, target.plural, target.subresource, namespace, target.name)
    if refused := refusal(request.user, attributes):
        raise refused

"""The API server's routes: from a request to the handler that answers it. Pure.

Follows apiserver ``pkg/endpoints/installer.go`` (which verb on which path) and kube-apiserver's handler chain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kubeapi.customresources.definitions import CustomKinds
from kubeapi.customresources.resource import CustomResource
from kubeapi.extensions.apis import ExtensionAPIs
from kubeapi.registry import Registry
from kubeapi.status import StatusError
from kubeapiserver.admission.webhooks import Webhooks
from kubeapiserver.auth.attributes import VERBS, attributes_of
from kubeapiserver.auth.authentication import Authenticator
from kubeapiserver.auth.authorization import impersonated, refusal
from kubeapiserver.auth.readonly import refusal_of_write
from kubeapiserver.catalog import Catalog, Served
from kubeapiserver.discovery import Discovery
from kubeapiserver.errors import MethodNotAllowed, UnknownPath
from kubeapiserver.handlers.computed import ComputedReading
from kubeapiserver.handlers.custommetrics import CustomMetricsReading
from kubeapiserver.handlers.deletion import Deletion
from kubeapiserver.handlers.eviction import Evictions
from kubeapiserver.handlers.otherversions import conversions
from kubeapiserver.handlers.patching import Patching
from kubeapiserver.handlers.reading import Reading
from kubeapiserver.handlers.reviews import Reviews
from kubeapiserver.handlers.subresources import Subresources
from kubeapiserver.handlers.tokens import TokenRequests
from kubeapiserver.handlers.usage import UsageObjects
from kubeapiserver.handlers.writer import Admit, ObjectWriter
from kubeapiserver.handlers.writing import Writing
from kubeapiserver.messages import Answer, Delegated, Request
from kubeapiserver.metrics import RequestMetrics
from kubeapiserver.nonresource import NonResourcePaths
from kubeapiserver.proxying.location import Proxying
from kubeapiserver.requests.negotiation import negotiate
from kubeapiserver.requests.paths import PROXY, ResourcePath, normalized, read_path
from kubeapiserver.requests.resource import ResourceRequest
from kubeapiserver.responses.encodings import negotiated
from kubeapiserver.responses.rendering import Renderer
from kubeapiserver.responses.statuses import failure_response, not_acceptable
from kubeapiserver.responses.warnings import with_warnings
from kubeapiserver.streaming.sessions import Sessions

VERSION = "v1.37.2+kubesvc"
"""The gitVersion in /version: of the Kubernetes that the definitions, the rules and the error texts follow."""

_NEGOTIATED = ("/api/", "/apis/")
"""Paths that answer in the media type that the client prefers."""


class Route(NamedTuple):
    """A path without trailing slashes, its parts, and the resource that they name; None for what it does not have."""

    text: str
    path: ResourcePath | None
    served: Served | None

    @property
    def plural(self) -> str:
        """The resource's name, "" without a resource."""
        return self.served.resource.plural if self.served else ""


class APIServer:
    """Answers every request; errors become Statuses.

    ``clock`` gives seconds since the epoch. ``authenticator`` knows whose a token is that a review asks about.
    ``address`` (host:port) is told to clients by discovery. ``read_only`` is why no client may write, "" if they may.
    """

    read_only = ""

    def __init__(
        self,
        registry: Registry,
        *,
        clock: Callable[[], float],
        admit: Admit,
        authenticator: Authenticator,
        address: str = "127.0.0.1:6443",
    ) -> None:
        self._store = store = registry.store
        self.extensions = ExtensionAPIs(store)
        """What extension API servers answer for."""
        self._catalog = Catalog(CustomKinds(store), self.extensions)
        self._proxying, webhooks = Proxying(store, registry.rng), Webhooks(store, registry.rng)
        renderer, writer = Renderer(clock, store.failures), ObjectWriter(registry, admit, clock, webhooks)
        self._metrics = RequestMetrics(store, VERSION)
        served, issuer = Discovery(self._catalog, VERSION, address), authenticator.issuer
        self._paths = NonResourcePaths(served, self._metrics, store.failures, issuer)
        self.usage, self.custom_metrics = UsageObjects(store, clock), CustomMetricsReading(store)
        self._reading, self._computed = Reading(store, renderer), ComputedReading(renderer, self.usage)
        self._writing, self._patching = Writing(store, writer, renderer), Patching(store, writer, renderer)
        self._deletion = Deletion(registry, renderer, self._reading, Evictions(registry, clock), webhooks)
        self._subresources = Subresources(registry, writer, self._patching, renderer, clock)
        self._conversions, self._reviews = conversions(store, self._answer_served), Reviews(store, authenticator, clock)
        self._sessions, self._tokens = Sessions(store, clock, webhooks), TokenRequests(store, issuer, clock)

    def handle(self, request: Request) -> Answer:
        """Answer a request and count it. A write is done, or refused, when this returns."""
        route = self._route(request.path)
        answer = self._answer(request, route)
        self._metrics.count(request.method, route.plural, answer)
        return answer

    def answer(self, request: Request) -> Answer:
        """Answer a request without counting it."""
        return self._answer(request, self._route(request.path))

    def count(self, request: Request, answer: Answer) -> None:
        """Count an answer for /metrics."""
        self._metrics.count(request.method, self._route(request.path).plural, answer)

    def _answer(self, request: Request, route: Route) -> Answer:
        try:
            if (user := impersonated(request.headers)) is not None:
                request = request._replace(user=user)
                if refused := refusal(user, attributes_of(request, route.text, route.path), self._store):
                    raise refused
            if self.read_only and (refused := refusal_of_write(request.method, *route[1:], self.read_only)):
                raise refused
            answer = self._routed(request, route)
        except StatusError as error:
            answer = failure_response(error)
        if route.served is not None and route.served.deprecation:
            answer = with_warnings(answer, (route.served.deprecation,))
        return negotiated(request, answer) if route.text.startswith(_NEGOTIATED) else answer

    def _route(self, path: str) -> Route:
        text = normalized(path)
        parsed = read_path(text)
        return Route(text, parsed, self._catalog.find(parsed.group, parsed.version, parsed.plural) if parsed else None)

    def _routed(self, request: Request, route: Route) -> Answer:
        text, path, served = route
        if (extension := self.extensions.of_path(text)) is not None:
            return Delegated(extension, request.user)
        if path is None or not (served or self._catalog.served_in(path.group, path.version)):
            return self._paths.answer(request, text)
        if not path.plural and text.count("/") == (3 if path.group else 2):
            return self._paths.resources(request, path)
        if self.custom_metrics.serves(path):
            return self.custom_metrics.answer(request, path)
        if served is None or not _is_served(path, served):
            raise UnknownPath
        return self._answer_resource(request, path, served)

    def _answer_resource(self, request: Request, path: ResourcePath, served: Served) -> Answer:
        if path.subresource == PROXY and served.subresource(PROXY):
            return self._proxying.answer(request, path)
        accept = request.headers.get("accept", "")
        is_custom = isinstance(served.resource, CustomResource)
        form = negotiate(accept, has_tables=not served.is_review, has_protobuf=not is_custom)
        if form is None:
            return not_acceptable(accept)
        asked = ResourceRequest(request, served.resource, path, form)
        if served.stored is not None and path.subresource in ("", "status"):
            return self._conversions[served.stored.kind](asked)
        deprecation = [served.resource.deprecation] if isinstance(served.resource, CustomResource) else []
        return with_warnings(self._answer_served(asked), list(filter(None, deprecation)))

    def _answer_served(self, asked: ResourceRequest) -> Answer:
        """Answer a request for a resource, in the version in which it is stored."""
        path = asked.path
        served = self._catalog.find(path.group, path.version, path.plural)
        assert served is not None
        if path.is_watch:
            if asked.http.method != "GET" or "watch" not in served.verbs:
                raise MethodNotAllowed
            return self._reading.list_or_watch(asked)
        if not path.name:
            return self._answer_collection(asked, served)
        if "get" not in served.verbs:
            raise UnknownPath
        return self._answer_subresource(asked, served) if path.subresource else self._answer_object(asked, served)

    def _answer_collection(self, asked: ResourceRequest, served: Served) -> Answer:
        is_everywhere = asked.resource.namespaced and not asked.namespace
        match asked.http.method:
            case "GET" if served.is_computed:
                return self._computed.list(asked)
            case "GET" if "list" in served.verbs:
                return self._reading.list_or_watch(asked)
            case "POST" if served.is_review and not is_everywhere:
                return self._reviews.answer(asked)
            case "POST" if not is_everywhere and "create" in served.verbs:
                return self._writing.create(asked)
            case "DELETE" if not is_everywhere and "deletecollection" in served.verbs:
                return self._deletion.delete_collection(asked)
        raise MethodNotAllowed

    def _answer_object(self, asked: ResourceRequest, served: Served) -> Answer:
        method = asked.http.method
        if VERBS.get(method) not in served.verbs:
            raise MethodNotAllowed
        match method:
            case "GET" if served.is_computed:
                return self._computed.get(asked)
            case "GET":
                return self._reading.get(asked)
            case "PUT":
                return self._writing.update(asked)
            case "PATCH":
                return self._patching.patch(asked)
            case "DELETE":
                return self._deletion.delete(asked)
        raise MethodNotAllowed

    def _answer_subresource(self, asked: ResourceRequest, served: Served) -> Answer:
        subresource = served.subresource(asked.path.subresource)
        if subresource is None:
            raise UnknownPath
        if VERBS.get(asked.http.method) not in subresource.verbs:
            raise MethodNotAllowed
        if subresource.name == "eviction":
            return self._deletion.evict(asked)
        if subresource.name == "token":
            return self._tokens.answer(asked)
        return self._subresources.answer(asked) or self._sessions.answer(asked)


def _is_served(path: ResourcePath, served: Served) -> bool:
    """Tell whether a resource has a path of this form."""
    if path.is_watch and path.subresource:
        return False
    if path.rest and not (path.subresource == PROXY and served.subresource(PROXY)):
        return False
    is_collection_of_all = not path.name and not path.namespace
    return is_collection_of_all or served.resource.namespaced == bool(path.namespace)

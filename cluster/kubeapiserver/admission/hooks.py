"""Admission webhooks as their configurations describe them, and which requests they match. Pure.

Follows apiserver ``pkg/admission/plugin/webhook`` (generic/webhook.go, predicates/rules, namespace and object).
In which version a request matches is ``forms``' question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from kubeapi.meta import JSON, ObjectKey, labels_of, matches_selector
from kubeapi.objects.parts import list_at, map_at
from kubeapi.registry.admission import Action
from kubeapi.scheme import (
    MUTATINGADMISSIONPOLICYBINDINGS,
    MUTATINGWEBHOOKCONFIGURATIONS,
    NAMESPACES,
    VALIDATINGADMISSIONPOLICYBINDINGS,
    VALIDATINGWEBHOOKCONFIGURATIONS,
    Resource,
)
from kubeapi.store import Store
from kubeapi.watching import WatchEvent

ANY = "*"
_EXEMPT = MUTATINGWEBHOOKCONFIGURATIONS.group
"""No webhook may keep its own configuration from being deleted, so the objects of its group are not reviewed."""


_BINDINGS = (MUTATINGADMISSIONPOLICYBINDINGS, VALIDATINGADMISSIONPOLICYBINDINGS)


class Hook(NamedTuple):
    """One webhook of a configuration, with its defaults."""

    configuration: str
    spec: JSON
    is_mutating: bool

    @property
    def name(self) -> str:
        """The webhook's name."""
        return str(self.spec["name"])

    @property
    def ignores_failures(self) -> bool:
        """Whether a request goes on if the webhook cannot be asked."""
        return self.spec.get("failurePolicy") == "Ignore"

    @property
    def is_reinvoked(self) -> bool:
        """Whether the webhook is asked again about what has been changed after it."""
        return self.spec.get("reinvocationPolicy") == "IfNeeded"

    @property
    def is_free_of_effects(self) -> bool:
        """Whether a dry run may ask the webhook."""
        return self.spec.get("sideEffects") in ("None", "NoneOnDryRun")

    @property
    def timeout_seconds(self) -> int:
        """How long the webhook may take."""
        return int(self.spec.get("timeoutSeconds") or 10)

    @property
    def client(self) -> JSON:
        """Where the webhook is (WebhookClientConfig)."""
        return map_at(self.spec, "clientConfig")

    @property
    def conditions(self) -> Sequence[JSON]:
        """The match conditions."""
        return list_at(self.spec, "matchConditions")


def is_exempt(resource: Resource) -> bool:
    """Tell whether objects of a resource are never reviewed."""
    return resource.group == _EXEMPT


def _configurations(*, is_mutating: bool) -> Resource:
    return MUTATINGWEBHOOKCONFIGURATIONS if is_mutating else VALIDATINGWEBHOOKCONFIGURATIONS


class Hooks:
    """All webhooks of a Store, in the order in which they are asked. A cluster without any pays for one comparison."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: tuple[list[Hook], list[Hook]] = [], []
        self._is_stale = True
        for is_mutating in (True, False):
            store.watch(_configurations(is_mutating=is_mutating), store.resource_version, self._note)

    def __bool__(self) -> bool:
        """Tell whether there is any webhook."""
        return any(self._all())

    def mutating(self) -> list[Hook]:
        """Return the webhooks that may change objects."""
        return self._all()[0]

    def validating(self) -> list[Hook]:
        """Return the webhooks that only allow or deny."""
        return self._all()[1]

    def _note(self, event: WatchEvent) -> None:
        self._is_stale = True

    def _all(self) -> tuple[list[Hook], list[Hook]]:
        if self._is_stale:
            self._is_stale = False
            self._known = self._read(is_mutating=True), self._read(is_mutating=False)
        return self._known

    def _read(self, *, is_mutating: bool) -> list[Hook]:
        stored = self._store.list(_configurations(is_mutating=is_mutating))
        return [
            Hook(configuration["metadata"]["name"], spec, is_mutating)
            for configuration in sorted(stored, key=lambda each: str(each["metadata"]["name"]))
            for spec in list_at(configuration, "webhooks")
        ]


class NoHooks:
    """No webhooks: what a rehearsal knows, as they may not be there yet."""

    def mutating(self) -> list[Hook]:
        """Return none."""
        return []

    validating = mutating


class Bindings:
    """Whether any admission policy is bound. A cluster without one pays for one comparison."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._are_any = self._are_stale = True
        for each in _BINDINGS:
            store.watch(each, store.resource_version, self._note)

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        if self._are_stale:
            self._are_stale = False
            self._are_any = any(self._store.list(each) for each in _BINDINGS)
        return self._are_any

    def _note(self, event: WatchEvent) -> None:
        self._are_stale = True


def selectors_match(spec: JSON, action: Action, objects: list[JSON], store: Store) -> bool:
    """Tell whether namespaceSelector and objectSelector match an action."""
    selector = map_at(spec, "namespaceSelector")
    if selector and not all(matches_selector(selector, each) for each in _namespace_labels(action, objects, store)):
        return False
    selector = map_at(spec, "objectSelector")
    return not selector or any(matches_selector(selector, labels_of(each)) for each in objects if "metadata" in each)


def _namespace_labels(action: Action, objects: list[JSON], store: Store) -> Iterator[dict[str, str]]:
    """Yield the labels that a namespaceSelector is asked about; none for a cluster's own object, which it matches."""
    if action.resource == NAMESPACES and objects:
        yield labels_of(objects[0])
    elif action.key.namespace:
        namespace = store.find(NAMESPACES, ObjectKey("", action.key.namespace))
        yield labels_of(namespace) if namespace is not None else {}


def rule_matches(rule: JSON, action: Action) -> bool:
    """Tell whether a rule matches an action."""
    resource = action.resource
    scope = "Namespaced" if resource.namespaced else "Cluster"
    return (
        _has(rule, "operations", action.operation)
        and _has(rule, "apiGroups", resource.group)
        and _has(rule, "apiVersions", resource.version)
        and (rule.get("scope") or ANY) in (ANY, scope)
        and any(_resource_matches(each, action) for each in list_at(rule, "resources"))
    )


def _has(rule: JSON, field: str, value: str) -> bool:
    values: Any = list_at(rule, field)
    return ANY in values or value in values


def _resource_matches(pattern: str, action: Action) -> bool:
    plural, _, subresource = pattern.partition("/")
    return plural in (ANY, action.resource.plural) and subresource in (action.subresource, ANY)

"""Which policies and bindings a request matches, and with which parameters (apiserver ``policy/generic``). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kubeapi.customresources.definitions import CustomKinds
from kubeapi.failures import Subject
from kubeapi.kinds import resource_for
from kubeapi.meta import JSON, ObjectKey, labels_of, matches_selector
from kubeapi.objects.parts import list_at, map_at, spec_of
from kubeapi.policies.expressions import Compiled, compile_policy
from kubeapi.registry.admission import Action
from kubeapi.scheme import Resource
from kubeapi.store import Store
from kubeapi.watching import WatchEvent
from kubeapiserver.admission.hooks import rule_matches, selectors_match

_COMPONENT = "kube-apiserver (admission policies)"
Params = JSON | None


class ConfigurationError(Exception):
    """A policy that cannot be asked as it is configured; the text is the API server's."""


class Policy(NamedTuple):
    """A policy with its expressions and its bindings, by their names."""

    name: str
    spec: JSON
    expressions: Compiled
    bindings: list[JSON]

    @property
    def ignores_failures(self) -> bool:
        """Whether a request goes on if the policy cannot be asked."""
        return self.spec.get("failurePolicy") == "Ignore"


class Policies:
    """All policies of one kind in a Store that have bindings. Without any, a cluster pays for one comparison."""

    def __init__(self, store: Store, policies: Resource, bindings: Resource) -> None:
        self._store = store
        self._resources = policies, bindings
        self._known: list[Policy] = []
        self._is_stale = True
        for each in self._resources:
            store.watch(each, store.resource_version, self._note)

    def all(self) -> list[Policy]:
        """Return the policies in the order in which they are asked."""
        if self._is_stale:
            self._is_stale = False
            self._known = list(self._read())
        return self._known

    def _note(self, event: WatchEvent) -> None:
        self._is_stale = True

    def _read(self) -> Iterator[Policy]:
        policies, bindings = (
            sorted(self._store.list(each), key=lambda obj: str(obj["metadata"]["name"])) for each in self._resources
        )
        for policy in policies:
            name, spec = policy["metadata"]["name"], spec_of(policy)
            # A policy that somebody has edited in the database may be one that no validation has seen.
            with self._store.failures.guard(_COMPONENT, Subject(self._resources[0], ObjectKey("", name))):
                own = [each for each in bindings if spec_of(each).get("policyName") == name]
                if own:
                    yield Policy(name, spec, compile_policy(spec), own)


def matches(resources: JSON, action: Action, objects: list[JSON], store: Store) -> bool:
    """Tell whether MatchResources match an action; without rules they match every resource."""
    if not selectors_match(resources, action, objects, store):
        return False
    if any(_named_rule_matches(rule, action) for rule in list_at(resources, "excludeResourceRules")):
        return False
    rules = list_at(resources, "resourceRules")
    return not rules or any(_named_rule_matches(rule, action) for rule in rules)


def _named_rule_matches(rule: JSON, action: Action) -> bool:
    names = list_at(rule, "resourceNames")
    return rule_matches(rule, action) and (not names or action.key.name in names)


def bound(policy: Policy, action: Action, objects: list[JSON], store: Store) -> Iterator[JSON]:
    """Yield the bindings under which a policy is asked about an action."""
    if matches(map_at(policy.spec, "matchConstraints"), action, objects, store):
        for each in policy.bindings:
            if matches(map_at(spec_of(each), "matchResources"), action, objects, store):
                yield each


class ParamKinds:
    """Finds the resources and the objects that policies have as parameters."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._custom = CustomKinds(store)

    def resource(self, kind: JSON) -> Resource | None:
        """Return the resource of a ParamKind, None for an unknown one."""
        api_version, name = kind["apiVersion"], kind["kind"]
        return resource_for(api_version, name) or self._custom.of_kind(api_version, name)


def params_of(policy: Policy, binding: JSON, action: Action, kinds: ParamKinds) -> list[Params]:
    """Return the parameters with which a policy is asked, each in turn; ConfigurationError if there are none."""
    kind, ref = map_at(policy.spec, "paramKind"), map_at(spec_of(binding), "paramRef")
    if not kind or not ref:
        return [None]
    resource = kinds.resource(kind)
    found = _found(resource, ref, action, kinds.store) if resource is not None else []
    if resource is None and not ref.get("name"):
        raise ConfigurationError(f"paramKind kind `{kind['apiVersion']}, Kind={kind['kind']}` not known")
    if not found and ref.get("parameterNotFoundAction") == "Deny":
        raise ConfigurationError("no params found for policy binding with `Deny` parameterNotFoundAction")
    return found


def _found(resource: Resource, ref: JSON, action: Action, store: Store) -> list[Params]:
    namespace = ref.get("namespace", "")
    if namespace and not resource.namespaced:
        raise ConfigurationError("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
    if resource.namespaced and not namespace:
        namespace = action.key.namespace
        if not namespace:
            what = "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
            raise ConfigurationError(what)
    if ref.get("name"):
        obj = store.find(resource, ObjectKey(namespace, ref["name"]))
        return [] if obj is None else [obj]
    selector = map_at(ref, "selector")
    return [each for each in store.list(resource, namespace) if matches_selector(selector, labels_of(each))]

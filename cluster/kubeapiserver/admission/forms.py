"""In which version a webhook is asked about an object that is served in several (matchPolicy). Pure.

Follows apiserver ``pkg/admission/plugin/webhook/generic/webhook.go`` (ShouldCallHook). Of the built-in kinds with two
versions an object is always shown in the one in which it is stored.
"""

from __future__ import annotations

from dataclasses import replace

from kubeapi.customresources.conversion.versions import as_seen
from kubeapi.customresources.definitions import CustomKinds
from kubeapi.customresources.resource import CustomResource
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at
from kubeapi.registry.admission import Action
from kubeapi.scheme import Resource
from kubeapiserver.admission.hooks import Hook, rule_matches
from kubeapiserver.admission.reviews import Form


def requested_as(resource: Resource, api_version: str) -> Resource:
    """Return the resource in the apiVersion that a client has asked for, "" for none."""
    if isinstance(resource, CustomResource) or api_version in ("", resource.api_version):
        return resource
    group, _, version = api_version.rpartition("/")
    return replace(resource, group=group, version=version)


def form_of(hook: Hook, action: Action, requested: Resource, customs: CustomKinds) -> Form | None:
    """Return the form in which a webhook's rules match an action, None if they do not."""
    rules = list_at(hook.spec, "rules")
    if any(rule_matches(rule, action._replace(resource=requested)) for rule in rules):
        return Form(action.resource, requested)
    if hook.spec.get("matchPolicy") == "Exact":
        return None
    for rule in rules:
        for other in _equivalents(action.resource, requested, customs):
            if rule_matches(rule, action._replace(resource=other)):
                return Form(other, requested)
    return None


def _equivalents(resource: Resource, requested: Resource, customs: CustomKinds) -> list[Resource]:
    if not isinstance(resource, CustomResource):
        return [] if requested == resource else [resource]
    wanted = (resource.group, resource.plural)
    return [each for each in customs.served() if (each.group, each.plural) == wanted and each != resource]


def shown_as(form: Form, action: Action, obj: JSON | None) -> JSON | None:
    """Return an object in the version in which a webhook is asked; CallNeeded if another one has to convert it."""
    if obj is None or form.shown == action.resource:
        return obj
    return as_seen(form.shown, obj)

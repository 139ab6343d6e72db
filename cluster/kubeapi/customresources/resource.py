"""``CustomResource``: one version of a kind that a CustomResourceDefinition defines, with what its rules need. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kubeapi.customresources.conversion.webhook import ConversionWebhook
from kubeapi.customresources.schema.defaulting import has_defaults
from kubeapi.kind import ScalePaths
from kubeapi.meta import JSON, is_terminating
from kubeapi.objects.conditions import is_condition_true
from kubeapi.scheme import Resource

RULES = "x-kubernetes-validations"
"""The CEL rules of a schema."""


@dataclass(frozen=True, eq=False)
class Definition:
    """What a CustomResourceDefinition says of one version. ``names`` are the accepted ones."""

    names: JSON
    version: JSON
    storage: str
    """The version in which the objects are stored."""
    webhook: ConversionWebhook | None = None
    """What converts objects from one version to another; None: they differ in nothing but the version."""
    is_established: bool = False
    is_terminating: bool = False

    @cached_property
    def schema(self) -> JSON:
        """The structural schema; ``{}`` if there is none."""
        schema: JSON = self.version.get("schema", {}).get("openAPIV3Schema", {})
        return schema

    @cached_property
    def has_defaults(self) -> bool:
        """Whether the schema has defaults, so that stored objects may lack fields that they show."""
        return has_defaults(self.schema)

    @cached_property
    def has_rules(self) -> bool:
        """Whether the schema has CEL rules."""
        return _has_rules(self.schema)

    @property
    def has_status(self) -> bool:
        """Whether the status is a subresource."""
        return "status" in self.version.get("subresources", {})

    @cached_property
    def scale(self) -> ScalePaths | None:
        """Where the replicas are, None for a kind without the subresource."""
        paths = self.version.get("subresources", {}).get("scale")
        if not paths:
            return None
        fields = (paths["specReplicasPath"], paths["statusReplicasPath"], paths.get("labelSelectorPath", ""))
        return ScalePaths(*(tuple(each.strip(".").split(".")) if each else () for each in fields))

    @property
    def selectable_fields(self) -> tuple[str, ...]:
        """The fields that a field selector may name."""
        return tuple(each["jsonPath"].removeprefix(".") for each in self.version.get("selectableFields", ()))


@dataclass(frozen=True, slots=True)
class CustomResource(Resource):
    """A version of a custom kind. Two are equal if they are so named, whatever their definitions are."""

    definition: Definition = field(kw_only=True, compare=False, repr=False)

    @property
    def deprecation(self) -> str:
        """The warning for every request, "" for a version that is not deprecated."""
        version = self.definition.version
        if not version.get("deprecated"):
            return ""
        return str(version.get("deprecationWarning") or f"{self.api_version} {self.kind} is deprecated")

    @property
    def stored_version(self) -> str:
        """``apiVersion`` of the stored objects."""
        return f"{self.group}/{self.definition.storage}"


def resources_of(crd: JSON, *, accepted: bool = True) -> Iterator[CustomResource]:
    """Yield the versions of a CustomResourceDefinition, which is valid.

    With ``accepted`` these are the versions that are served, under the accepted names; none before there are some.
    Otherwise it is the one version in which objects are stored.
    """
    spec, status = crd["spec"], crd.get("status", {})
    if accepted and not (is_condition_true(crd, "NamesAccepted") or is_condition_true(crd, "Established")):
        return
    names = status["acceptedNames"] if accepted else spec["names"]
    [storage] = [each["name"] for each in spec["versions"] if each.get("storage")]
    webhook, is_established = webhook_of(spec), is_condition_true(crd, "Established")
    for version in spec["versions"]:
        if version.get("served") if accepted else version["name"] == storage:
            definition = Definition(names, version, storage, webhook, is_established, is_terminating(crd))
            yield CustomResource(
                spec["names"]["kind"] if not accepted else names["kind"],
                spec["names"]["plural"],
                spec["group"],
                version["name"],
                spec["scope"] == "Namespaced",
                tuple(names.get("shortNames", ())),
                definition=definition,
            )


def webhook_of(spec: JSON) -> ConversionWebhook | None:
    """Return the conversion webhook of a definition, None if it has none."""
    conversion = spec.get("conversion", {})
    return ConversionWebhook(conversion) if conversion.get("strategy") == "Webhook" else None


def declared_by(crd: JSON) -> Iterator[CustomResource]:
    """Yield every version that a definition declares, whether or not it is accepted yet.

    Yields nothing of a definition that is too faulty to tell, which its validation refuses.
    """
    try:
        spec = crd["spec"]
        names, namespaced = spec["names"], spec["scope"] == "Namespaced"
        storage = next((each["name"] for each in spec["versions"] if each.get("storage")), "")
        for version in spec["versions"]:
            definition = Definition(names, version, storage or version["name"])
            kind, plural, group = names["kind"], names["plural"], spec["group"]
            yield CustomResource(kind, plural, group, version["name"], namespaced, definition=definition)
    except (LookupError, TypeError, AttributeError):
        return


def _has_rules(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(map(_has_rules, schema))
    if not isinstance(schema, dict):
        return False
    return RULES in schema or any(map(_has_rules, schema.values()))

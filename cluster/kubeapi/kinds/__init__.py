"""The kinds that kubesvc knows: each module or package of this folder is one, found by its file, and has a ``KIND``.

Importing this package imports the rules of all kinds; ``scheme`` has only their resources.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from kubeapi.customresources.resource import CustomResource
from kubeapi.kind import Kind
from kubeapi.scheme import Resource


def _find_kinds() -> tuple[Kind, ...]:
    files = sorted(each.stem for each in Path(__file__).parent.iterdir() if not each.name.startswith("_"))
    modules = [import_module(f"{__name__}.{each}") for each in files]
    return tuple(sorted((each.KIND for each in modules), key=lambda kind: (kind.apply_rank, str(kind.resource))))


KINDS = _find_kinds()
"""All kinds, in the order in which their objects are applied."""

RESOURCES = tuple(kind.resource for kind in KINDS)
"""Everything that is stored."""

SERVED_RESOURCES = (*RESOURCES, *(version for kind in KINDS for version in kind.other_versions))
"""Everything that is stored, and the other versions under which it is served."""

_BY_RESOURCE = {kind.resource: kind for kind in KINDS}
_BY_NAME = {(each.api_version, each.kind): each for each in SERVED_RESOURCES}


def kind_of(resource: Resource) -> Kind:
    """Return the rules of a resource; of one that is not stored, those that most kinds have."""
    if isinstance(resource, CustomResource):
        # Imported here, because no start needs it, and most clusters have no custom resources.
        from kubeapi.customresources.rules import custom_kind

        return custom_kind(resource)
    return _BY_RESOURCE.get(resource) or Kind(resource=resource)


def resource_for(api_version: str, kind: str) -> Resource | None:
    """Return the resource that holds objects of this apiVersion and kind, None for an unknown one."""
    return _BY_NAME.get((api_version, kind))

"""Errors of server-side apply: conflicts, and configurations that do not fit the object. Pure.

Texts are those of apimachinery ``util/managedfields/internal`` (conflict.go, structuredmerge.go, versioncheck.go).
"""

from __future__ import annotations

import json

from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import Resource
from kubeapi.status import FieldError, StatusError
from kubeapiserver.apply.customtypes import root_atom
from kubeapiserver.apply.fieldpath import path_text
from kubeapiserver.apply.managedfields import UPDATE, ManagerKey, metadata_of
from kubeapiserver.apply.update import Conflicts
from kubeapiserver.apply.validation import typed_faults
from kubeapiserver.errors import BadInput


def check_config(resource: Resource, key: ObjectKey, config: JSON) -> None:
    """Raise StatusError if the configuration cannot be applied to the object at ``key``."""
    api_version, kind = config.get("apiVersion") or "", config.get("kind") or ""
    identity = f"{'' if '/' in str(api_version) else '/'}{api_version}, Kind={kind}"
    if (api_version, kind) != (resource.api_version, resource.kind):
        raise BadInput(f"invalid object type: {identity}")
    faults = typed_faults(root_atom(resource), config)
    if faults:
        detail = faults[0] if len(faults) == 1 else "\n  ".join(("errors:", *faults))
        where = f"{key.namespace}/{key.name}; {identity}"
        raise StatusError(500, "", f"failed to create typed patch object ({where}): {detail}")
    metadata = metadata_of(config)
    if metadata.get("managedFields") is not None:
        raise BadInput("metadata.managedFields must be nil")
    stated = metadata.get("name") or key.name
    if stated != key.name:
        raise BadInput(f"the name of the object ({stated}) does not match the name on the URL ({key.name})")
    if (metadata.get("namespace") or key.namespace) != key.namespace:
        raise BadInput("the namespace of the provided object does not match the namespace sent on the request")


def uid_mismatch(resource: Resource, key: ObjectKey, uid: str) -> StatusError:
    """Return the error for a configuration that states the uid of an object that does not exist."""
    detail = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
    message = f'Operation cannot be fulfilled on {resource.qualified} "{key.name}": {detail}'
    return StatusError(409, "Conflict", message, (), resource.plural, resource.group, key.name)


def apply_conflict(resource: Resource, conflicts: Conflicts) -> StatusError:
    """Return the error that names every conflicting field and its owner."""
    causes = tuple(
        FieldError("FieldManagerConflict", path_text(path), f"conflict with {_owner(resource, manager)}")
        for manager, path in conflicts
    )
    if len(causes) == 1:
        detail = f"1 conflict: {causes[0].message}: {causes[0].field}"
    else:
        lines = []
        for manager in dict.fromkeys(manager for manager, _ in conflicts):
            lines.append(f"conflicts with {_owner(resource, manager)}:")
            lines.extend(f"- {path_text(path)}" for each, path in conflicts if each == manager)
        detail = f"{len(conflicts)} conflicts: " + "\n".join(lines)
    return StatusError(409, "Conflict", f"Apply failed with {detail}", causes)


def _owner(resource: Resource, key: ManagerKey) -> str:
    """Return the name of a manager in messages (printManager)."""
    name = json.dumps(key.manager, ensure_ascii=False)
    if key.subresource:
        name = f'{name} with subresource "{key.subresource}"'
    return f"{name} using {key.api_version or resource.api_version}" if key.operation == UPDATE else name

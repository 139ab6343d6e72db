"""Options in the query: dryRun, fieldManager, fieldValidation, force, includeObject, integers. Pure.

Follows apimachinery ``pkg/apis/meta/v1/validation``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from kubeapi.meta import JSON
from kubeapi.registry.admission import Action
from kubeapi.status import FieldError
from kubeapi.validation.faults import forbidden, invalid, required, unsupported
from kubeapiserver.errors import BadInput, InvalidOptions
from kubeapiserver.messages import Request

Validation = Literal["Strict", "Warn", "Ignore"]
Included = Literal["Metadata", "Object", "None"]
"""What the rows of a Table have beside their cells."""

OptionsKind = Literal["CreateOptions", "UpdateOptions", "PatchOptions", "DeleteOptions"]

_MANAGER_LIMIT = 128
"""Characters of a field manager's name (FieldManagerMaxLength)."""

_VALIDATIONS: dict[str, Validation] = {"": "Warn", "Strict": "Strict", "Warn": "Warn", "Ignore": "Ignore"}


class WriteOptions(NamedTuple):
    """The options of a write by ``request``.

    ``manager`` is fieldManager, by default the User-Agent up to its first slash.
    """

    is_dry_run: bool
    manager: str
    validation: Validation
    is_forced: bool
    request: Request

    def document(self, action: Action) -> JSON:
        """Return the options as an AdmissionReview tells them."""
        kind = "CreateOptions" if action.operation == "CREATE" else "UpdateOptions"  # also of a patch
        given = {name: self.request.get(name) for name in ("fieldManager", "fieldValidation")}
        options: JSON = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
        options |= {name: value for name, value in given.items() if value}
        return options | ({"dryRun": ["All"]} if self.is_dry_run else {})


def read_options(request: Request, kind: OptionsKind, *, is_apply: bool = False) -> WriteOptions:
    """Return the options of a write; InvalidOptions lists every fault."""
    manager, validation = request.get("fieldManager"), request.get("fieldValidation")
    faults = [*dry_run_faults(request.query.get("dryRun", ())), *_manager_faults(manager)]
    if validation not in _VALIDATIONS:
        faults.append(unsupported("fieldValidation", validation, _VALIDATIONS.keys()))
    if is_apply and not manager:
        faults.append(required("fieldManager", "is required for apply patch"))
    if kind == "PatchOptions" and not is_apply and request.get("force"):
        faults.append(forbidden("force", "may not be specified for non-apply patch"))
    if faults:
        raise InvalidOptions(kind, *faults)
    agent = request.headers.get("user-agent", "").partition("/")[0][:_MANAGER_LIMIT]
    return WriteOptions(
        any(request.query.get("dryRun", ())),
        manager or agent or "unknown",
        _VALIDATIONS[validation],
        request.has_flag("force"),
        request,
    )


def read_integer(request: Request, name: str) -> int | None:
    """Return an integer query parameter, None if it is absent; BadInput if it is no integer."""
    if name not in request.query:
        return None
    text = request.get(name)
    if not re.fullmatch("[+-]?[0-9]{1,18}", text, re.ASCII):
        raise BadInput(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def read_included(request: Request) -> Included:
    """Return what the rows of a Table are to have; BadInput for an unknown value."""
    match request.get("includeObject") or "Metadata":
        case "Metadata" | "Object" | "None" as included:
            return included
        case other:
            raise BadInput(f'unrecognized includeObject value: "{other}"')


def read_dry_run(request: Request, kind: OptionsKind) -> bool:
    """Tell whether the query asks for a dry run."""
    values = request.query.get("dryRun", ())
    if faults := dry_run_faults(values):
        raise InvalidOptions(kind, *faults)
    return any(values)


def dry_run_faults(values: Sequence[Any]) -> list[FieldError]:
    """Return the faults of dryRun values; All is the only allowed one."""
    return [unsupported("dryRun", str(each), ("All",)) for each in values if each not in ("All", "")]


def _manager_faults(manager: str) -> list[FieldError]:
    if len(manager) > _MANAGER_LIMIT:
        detail = f"Too long: may not be more than {_MANAGER_LIMIT} bytes"
        return [FieldError("FieldValueTooLong", "fieldManager", detail)]
    if not manager.isprintable():
        return [invalid("fieldManager", manager, "should only contain printable characters")]
    return []

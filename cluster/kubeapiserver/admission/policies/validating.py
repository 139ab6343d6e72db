"""ValidatingAdmissionPolicies: what they say of a request (apiserver ``admission/plugin/policy/validating``). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, spec_of
from kubeapi.policies.expressions import Annotation, Check
from kubeapi.registry.admission import Action
from kubeapi.status import FieldError, StatusError
from kubeapiserver.admission.policies.conditions import ConditionError, all_hold
from kubeapiserver.admission.policies.selection import (
    ConfigurationError,
    ParamKinds,
    Params,
    Policy,
    bound,
    params_of,
)
from kubeapiserver.admission.policies.variables import Asked, Evaluation, ExpressionError

_CODES = {"Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413}
_LONGEST_MESSAGE = 5 * 1024


class _Refusal(NamedTuple):
    """Why a policy does not allow a request; ``reason`` is a metav1.StatusReason."""

    message: str
    reason: str = "Invalid"


class _Denial(NamedTuple):
    policy: str
    binding: str
    refusal: _Refusal

    def __str__(self) -> str:
        under = f" with binding '{self.binding}'" if self.binding else ""
        return f"ValidatingAdmissionPolicy '{self.policy}'{under} denied request: {self.refusal.message}"


def validate(
    policies: list[Policy], asked: Asked, states: tuple[JSON | None, JSON | None], kinds: ParamKinds
) -> list[str]:
    """Return the warnings of the policies about a new and an old state; StatusError if one denies the request."""
    denials: list[_Denial] = []
    warnings: list[str] = []
    objects = [each for each in states if each is not None]
    for policy in policies:
        for binding in bound(policy, asked.action, objects, asked.store):
            name, actions = binding["metadata"]["name"], list_at(spec_of(binding), "validationActions")
            try:
                refusals = [(each, actions) for each in _refusals(policy, binding, asked, states, kinds)]
            except ConfigurationError as error:
                is_ignored = policy.ignores_failures
                refused = _Refusal(f"failed to configure binding: {error}")
                refusals = [] if is_ignored else [(refused, ["Deny"])]
            for refusal, wanted in refusals:
                if "Deny" in wanted:
                    denials.append(_Denial(policy.name, name, refusal))
                if "Warn" in wanted:
                    where = f"ValidatingAdmissionPolicy '{policy.name}' with binding '{name}'"
                    warnings.append(f"Validation failed for {where}: {refusal.message}")
    if denials:
        raise _error(asked.action, objects[0], denials[0])
    return warnings


def _error(action: Action, obj: JSON, denial: _Denial) -> StatusError:
    resource, metadata = action.resource, obj.get("metadata", {})
    name = action.key.name or metadata.get("name") or metadata.get("generateName", "")
    reason = denial.refusal.reason
    message = f'{resource.qualified} "{name}" is forbidden: {denial}'
    causes = (FieldError("", "", str(denial)),)
    return StatusError(_CODES.get(reason, 422), reason, message, causes, resource.plural, resource.group, name)


def _refusals(
    policy: Policy, binding: JSON, asked: Asked, states: tuple[JSON | None, JSON | None], kinds: ParamKinds
) -> Iterator[_Refusal]:
    for params in params_of(policy, binding, asked.action, kinds):
        try:
            yield from _judged(policy, asked, states, params)
        except ConditionError as error:
            if not policy.ignores_failures:
                yield _Refusal(str(error))


def _judged(
    policy: Policy, asked: Asked, states: tuple[JSON | None, JSON | None], params: Params
) -> Iterator[_Refusal]:
    variables = {**asked.variables(*states), "params": params}
    if not all_hold(policy.expressions.conditions, variables):
        return
    variables["namespaceObject"] = asked.namespace()
    evaluation = Evaluation(variables).with_variables(policy.expressions.variables)
    for check in policy.expressions.checks:
        try:
            is_allowed = evaluation.value(check.expression) is True
        except ExpressionError as error:
            if not policy.ignores_failures:
                yield _Refusal(str(error))
            continue
        if not is_allowed:
            yield _Refusal(_message(check, evaluation), check.spec.get("reason") or "Invalid")
    for annotation in policy.expressions.annotations:
        if (fault := _annotation_fault(annotation, evaluation)) and not policy.ignores_failures:
            yield _Refusal(fault)


def _message(check: Check, evaluation: Evaluation) -> str:
    said: Any = ""
    if check.message is not None:
        try:
            said = evaluation.value(check.message)
        except ExpressionError:
            said = ""
    text = said.strip() if isinstance(said, str) else ""
    if text and "\n" not in text and len(text.encode()) <= _LONGEST_MESSAGE:
        return text
    return str(check.spec.get("message", "")).strip() or f"failed expression: {check.spec['expression'].strip()}"


def _annotation_fault(annotation: Annotation, evaluation: Evaluation) -> str:
    """Return why an annotation has no value; there is no audit log for it, but a fault denies the request."""
    try:
        evaluation.value(annotation.value)
    except ExpressionError as error:
        return str(error)
    return ""

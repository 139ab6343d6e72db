"""MutatingAdmissionPolicies: how they change a new state (apiserver ``admission/plugin/policy/mutating``). Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from kubeapi.cel.values import Typed
from kubeapi.kinds import kind_of
from kubeapi.meta import JSON
from kubeapi.patch import jsonpatch
from kubeapi.policies.expressions import Mutation
from kubeapi.registry.creation import read_object
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
from kubeapiserver.admission.policies.values import ValueFault, as_json, check_type_names
from kubeapiserver.admission.policies.variables import Asked, Evaluation, ExpressionError
from kubeapiserver.apply.customtypes import root_atom
from kubeapiserver.apply.merge import merge
from kubeapiserver.apply.typed import Atom
from kubeapiserver.apply.validation import typed_faults


class Invocation(NamedTuple):
    """A policy that is asked under a binding, with one of its parameters."""

    policy: Policy
    binding: str
    params: Params

    @property
    def is_reinvoked(self) -> bool:
        """Whether the policy is asked again about what has been changed after it."""
        return self.policy.spec.get("reinvocationPolicy") == "IfNeeded"


class _MutationError(Exception):
    """A mutation that cannot be made; the text is the API server's."""


class Changed(NamedTuple):
    """A new state, the policies that have seen it and may be asked again, and those that another has overtaken."""

    object: JSON
    reinvocable: tuple[Invocation, ...] = ()
    overtaken: tuple[Invocation, ...] = ()


def mutate(policies: list[Policy], asked: Asked, states: tuple[JSON, JSON | None], kinds: ParamKinds) -> Changed:
    """Return the new state as the policies want it.

    StatusError if one cannot be asked and that is not to be ignored.
    """
    new, old = states
    denials: list[str] = []
    reinvocable: tuple[Invocation, ...] = ()
    overtaken: tuple[Invocation, ...] = ()
    for invocation in _invocations(policies, asked, states, kinds, denials):
        changed = _invoked(invocation, asked, (new, old), denials)
        if changed != new:
            overtaken, new = reinvocable, changed
        if invocation.is_reinvoked:
            reinvocable = (*reinvocable, invocation)
    if denials:
        raise _error(asked, new, denials)
    return Changed(new, reinvocable, overtaken)


def reinvoke(changed: Changed, asked: Asked, old: JSON | None) -> JSON:
    """Return the new state after the policies that another one has overtaken."""
    new, denials = changed.object, list[str]()
    for invocation in changed.overtaken:
        new = _invoked(invocation, asked, (new, old), denials)
    if denials:
        raise _error(asked, new, denials)
    return new


def _invocations(
    policies: list[Policy],
    asked: Asked,
    states: tuple[JSON, JSON | None],
    kinds: ParamKinds,
    denials: list[str],
) -> list[Invocation]:
    """Return what is asked about a request; why a policy cannot be asked is added to ``denials``."""
    found: list[Invocation] = []
    objects = [each for each in states if each is not None]
    for policy in policies:
        for binding in bound(policy, asked.action, objects, asked.store):
            name = binding["metadata"]["name"]
            try:
                params = params_of(policy, binding, asked.action, kinds)
            except ConfigurationError as error:
                if not policy.ignores_failures:
                    denials.append(_denial(policy, name, f"failed to configure binding: {error}"))
                continue
            found += [Invocation(policy, name, each) for each in params]
    return found


def _denial(policy: Policy, binding: str, why: str) -> str:
    return f"policy '{policy.name}' with binding '{binding}' denied request: {why}"


def _error(asked: Asked, new: JSON, denials: list[str]) -> StatusError:
    resource, metadata = asked.action.resource, new.get("metadata", {})
    name = asked.action.key.name or metadata.get("name") or metadata.get("generateName", "")
    causes = tuple(FieldError("", "", each) for each in denials)
    return StatusError(403, "Invalid", denials[0], causes, resource.plural, resource.group, name)


def _invoked(invocation: Invocation, asked: Asked, states: tuple[JSON, JSON | None], denials: list[str]) -> JSON:
    """Return the new state as one policy wants it."""
    (new, old), policy = states, invocation.policy
    try:
        if not all_hold(policy.expressions.conditions, _variables(invocation, asked, new, old)):
            return new
    except ConditionError as error:
        if not policy.ignores_failures:
            denials.append(_denial(policy, invocation.binding, str(error)))
        return new
    for mutation in policy.expressions.mutations:
        variables = _variables(invocation, asked, new, old) | {"namespaceObject": asked.namespace()}
        evaluation = Evaluation(variables).with_variables(policy.expressions.variables)
        try:
            new = _mutated(mutation, evaluation, asked, new)
        except (ExpressionError, _MutationError) as error:
            if not policy.ignores_failures:
                denials.append(_denial(policy, invocation.binding, str(error)))
    return new


def _variables(invocation: Invocation, asked: Asked, new: JSON, old: JSON | None) -> dict[str, Any]:
    return {**asked.variables(new, old), "params": invocation.params}


def _mutated(mutation: Mutation, evaluation: Evaluation, asked: Asked, new: JSON) -> JSON:
    value = evaluation.value(mutation.expression)
    try:
        changed = _patched(value, new) if mutation.is_json_patch else _merged(value, asked, new)
    except ValueFault as error:
        raise _MutationError(str(error)) from None
    if changed is new:
        return new
    resource = asked.action.resource
    read = read_object(resource, changed)
    kind_of(resource).set_defaults(read)
    return read


def _patched(value: list[Typed], new: JSON) -> JSON:
    operations = [_operation(each) for each in value]
    try:
        patched: JSON = jsonpatch.apply(new, operations)
    except jsonpatch.PatchConflictError as error:
        if "testing value" in str(error):
            return new  # a test that fails lets the patch be
        raise _MutationError(f"JSON Patch: {error}") from None
    except jsonpatch.MalformedPatchError as error:
        raise _MutationError(f"JSON Patch: {error}") from None
    return patched


def _operation(patch: Typed) -> JSON:
    operation: JSON = {name: patch[name] for name in ("op", "path") if name in patch}
    if patch.get("from"):
        operation["from"] = patch["from"]
    if "value" in patch:
        value = patch["value"]
        if isinstance(value, Typed):
            check_type_names(value, value.type_name)
        operation["value"] = as_json(value)
    return operation


def _merged(value: Typed, asked: Asked, new: JSON) -> JSON:
    check_type_names(value, value.type_name)
    atom = root_atom(asked.action.resource)
    wanted = {**as_json(value), "apiVersion": new["apiVersion"], "kind": new["kind"]}
    if faults := typed_faults(atom, wanted):
        detail = "\n".join(faults)
        raise _MutationError(f"error applying patch: failed to convert patch object to typed object: {detail}")
    if atomics := _atomics(atom, wanted, ""):
        what = f"may not mutate atomic arrays, maps or structs: {', '.join(atomics)}"
        raise _MutationError(f"error applying patch: invalid ApplyConfiguration: {what}")
    merged: JSON = merge(atom, new, wanted)
    return merged


def _atomics(atom: Atom, value: Any, path: str) -> list[str]:
    """Return the paths of what an apply configuration would replace as a whole."""
    if isinstance(value, dict | list) and atom.relation == "leaf":
        return [path]
    if isinstance(value, dict):
        below = ((f"{path}.{name}", atom.named(name)[1], each) for name, each in value.items())
        return [found for where, inner, each in below for found in _atomics(inner, each, where)]
    if isinstance(value, list) and atom.element is not None:
        items = ((f"{path}[{index}]", each) for index, each in enumerate(value))
        return [found for where, each in items for found in _atomics(atom.element, each, where)]
    return []

"""What the expressions of admission are evaluated with (apiserver ``admission/plugin/cel/activation.go``). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubeapi.cel.evaluation.evaluator import TOO_COSTLY, Budget
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.library.authorization import Authorizer, Decision, Question, ResourceCheck
from kubeapi.cel.library.moments import read_timestamp
from kubeapi.cel.program import PER_OBJECT
from kubeapi.cel.values import LazyFields
from kubeapi.meta import JSON, ObjectKey
from kubeapi.policies.expressions import Expression
from kubeapi.registry.admission import Action
from kubeapi.scheme import NAMESPACES
from kubeapi.store import Store
from kubeapi.users import AUTHENTICATED, User, account_groups, account_user_name
from kubeapiserver.admission.reviews import Form, Requester, review
from kubeapiserver.auth.attributes import Attributes
from kubeapiserver.auth.rbac import decide

_MOMENTS = ("creationTimestamp", "deletionTimestamp")
_FIELDS = (
    *("name", "generateName", "namespace", "labels", "annotations", "creationTimestamp", "deletionTimestamp"),
    *("deletionGracePeriodSeconds", "generation", "resourceVersion", "finalizers"),
)


class ExpressionError(Exception):
    """An expression that has no value; the text is the API server's."""


@dataclass(frozen=True)
class Evaluation:
    """The expressions of one policy or webhook for one request: ``variables`` by their names, and what work is left."""

    variables: Mapping[str, Any]
    budget: Budget = field(default_factory=lambda: Budget(PER_OBJECT))

    def value(self, expression: Expression) -> Any:
        """Return the value of an expression; ExpressionError if it has none."""
        if expression.program is None:
            raise ExpressionError(f"compilation error: {expression.fault}")
        try:
            return expression.program.evaluate(self.variables, self.budget)
        except EvaluationError as error:
            if str(error) == TOO_COSTLY and self.budget.left <= 0:
                what = "validation failed due to running out of cost budget, no further validation rules will be run"
                raise ExpressionError(what) from None
            raise ExpressionError(f"expression '{expression.source}' resulted in error: {error}") from None

    def with_variables(self, variables: Mapping[str, Expression]) -> Evaluation:
        """Return the evaluation with variables that are computed when they are read."""
        own = dict(self.variables)
        within = Evaluation(own, self.budget)
        own["variables"] = LazyFields({name: _lazily(within, name, each) for name, each in variables.items()})
        return within


def _lazily(evaluation: Evaluation, name: str, expression: Expression) -> Callable[[], Any]:
    def compute() -> Any:
        if expression.program is None:
            raise EvaluationError(f'composited variable "{name}" fails to compile: {expression.fault}')
        try:
            return expression.program.evaluate(evaluation.variables, evaluation.budget)
        except EvaluationError as error:
            raise EvaluationError(f'composited variable "{name}" fails to evaluate: {error}') from None

    return compute


class Asked:
    """What every policy and webhook is evaluated with for one request."""

    def __init__(self, store: Store, requester: Requester, action: Action) -> None:
        self.store = store
        self.action = action
        self._requester = requester

    def variables(self, new: JSON | None, old: JSON | None) -> dict[str, Any]:
        """Return the variables but for params, variables and the namespace."""
        action = self.action
        request = review(self._requester, action, Form(action.resource, action.resource), new, old)
        question = Question(
            group=action.resource.group,
            resource=action.resource.plural,
            subresource=action.subresource,
            namespace=action.key.namespace,
            name=action.key.name,
        )
        return {
            "object": new,
            "oldObject": old,
            "request": {name: each for name, each in request.items() if name not in ("object", "oldObject")},
            "namespaceObject": None,
            "authorizer": Authorizer(Question(), self._decide),
            "authorizer.requestResource": ResourceCheck(question, self._decide),
        }

    def namespace(self) -> JSON | None:
        """Return the namespace of the object as expressions see it; None without one, or if it is the object itself."""
        name = self.action.key.namespace
        if not name or self.action.resource == NAMESPACES:
            return None
        found = self.store.find(NAMESPACES, ObjectKey("", name))
        return _shown(found) if found is not None else None

    def _decide(self, question: Question) -> Decision:
        user = self._requester.user if question.account is None else _account(*question.account)
        attributes = Attributes(
            question.verb,
            question.group,
            question.resource,
            question.subresource,
            question.namespace,
            question.name,
            question.path,
        )
        verdict = decide(user, attributes, self.store)
        return Decision(verdict.is_allowed, verdict.reason)


def _account(namespace: str, name: str) -> User:
    return User(account_user_name(ObjectKey(namespace, name)), (*account_groups(namespace), AUTHENTICATED))


def _shown(namespace: JSON) -> JSON:
    """Return a Namespace with the fields that expressions are shown, and its times as such."""
    metadata = {name: each for name, each in namespace["metadata"].items() if name in _FIELDS}
    for name in _MOMENTS:
        if name in metadata:
            metadata[name] = read_timestamp(metadata[name])
    conditions = [
        {**each, "lastTransitionTime": read_timestamp(each["lastTransitionTime"])}
        for each in namespace.get("status", {}).get("conditions", ())
        if each.get("lastTransitionTime")
    ]
    status = {**namespace.get("status", {}), **({"conditions": conditions} if conditions else {})}
    return {"metadata": metadata, "spec": namespace.get("spec", {}), "status": status}

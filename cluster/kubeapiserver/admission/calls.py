"""What a webhook is asked for a request, what tells that from every other question, and what its answer means. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.registry.admission import Action
from kubeapi.webhooks.calls import Outcome
from kubeapiserver.admission.forms import shown_as
from kubeapiserver.admission.hooks import Hook
from kubeapiserver.admission.reviews import Form, Requester, Verdict, WebhookFailure, failure, review, verdict
from kubeapiserver.errors import BadInput


class Question(NamedTuple):
    """A webhook that is asked about an action; ``round`` 1 is a reinvocation."""

    hook: Hook
    action: Action
    form: Form
    round: int = 0


class Asked(NamedTuple):
    """What a webhook is sent, and under which name its answer is known."""

    hook: Hook
    content: JSON
    known: str


def asked_of(question: Question, requester: Requester, new: JSON | None, old: JSON | None) -> Asked:
    """Return what a webhook is sent about a new and an old state; BadInput if a dry run cannot ask it."""
    hook = question.hook
    if question.action.is_dry_run and not hook.is_free_of_effects:
        raise BadInput(f'admission webhook "{hook.name}" does not support dry run')
    shown = [shown_as(question.form, question.action, each) for each in (new, old)]
    content = review(requester, question.action, question.form, *shown)
    return Asked(hook, content, _name_of(hook, content, question.round))


def said_of(asked: Asked, outcome: Outcome) -> Verdict:
    """Return what a webhook says, StatusError if it denies the request; nothing if a failure is to be ignored."""
    try:
        if outcome.failure:
            raise WebhookFailure(f"failed to call webhook: {outcome.failure}")
        return verdict(asked.hook, outcome.uid, outcome.body)
    except WebhookFailure as error:
        if asked.hook.ignores_failures:
            return Verdict()
        raise failure(asked.hook, str(error)) from None


def _name_of(hook: Hook, request: JSON, round_: int) -> str:
    """Return the name of a question; ``round_`` 1 is a reinvocation."""
    asked = {**request, "object": _without_managers(request["object"])}
    text = json.dumps([hook.configuration, hook.name, hook.is_mutating, round_, asked], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _without_managers(obj: JSON | None) -> JSON | None:
    """Return an object without managedFields: their times change each time that a request is handled."""
    if obj is None or "managedFields" not in obj.get("metadata", {}):
        return obj
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return {**obj, "metadata": metadata}

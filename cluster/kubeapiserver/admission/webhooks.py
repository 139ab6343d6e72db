"""Ask the admission webhooks about what a request does: mutating ones in turn, then validating ones. Pure.

Follows apiserver ``pkg/admission/plugin/webhook/mutating`` and ``validating`` (dispatcher.go).
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey
from kubeapi.registry.creation import read_object
from kubeapi.scheme import MUTATINGWEBHOOKCONFIGURATIONS, VALIDATINGWEBHOOKCONFIGURATIONS
from kubeapi.status import InternalError, StatusError
from kubeapi.store import Store
from kubeapiserver.admission.calls import Call, ReviewNeeded, question_of
from kubeapiserver.admission.hooks import Hook, hooks_for, is_exempt
from kubeapiserver.admission.outcome import Outcome
from kubeapiserver.admission.reviews import Asked, Verdict, WebhookFailure, document, failure, review, verdict
from kubeapiserver.errors import BadInput
from kubeapiserver.handlers import jsonpatch
from kubeapiserver.messages import Request
from kubeapiserver.proxying.location import Location, Proxying


class Admitted(NamedTuple):
    """The new state as the webhooks have changed it, and their warnings."""

    object: JSON
    warnings: Sequence[str] = ()


class Webhooks:
    """Admits requests; StatusError for one that a webhook denies, ReviewNeeded for a call that must be made first."""

    def __init__(self, store: Store, proxying: Proxying, rng: random.Random) -> None:
        self._store = store
        self._proxying = proxying
        self._rng = rng

    def are_asked(self, asked: Asked) -> bool:
        """Tell whether there is any webhook that could be asked."""
        kinds = (MUTATINGWEBHOOKCONFIGURATIONS, VALIDATINGWEBHOOKCONFIGURATIONS)
        return not is_exempt(asked.action.resource) and any(self._store.list(each) for each in kinds)

    def admit(self, request: Request, asked: Asked, new: JSON, old: JSON | None) -> Admitted:
        """Ask every webhook that matches about a new state, and an old one if there is one."""
        admitted, warnings = self._admit(request, asked, new, old)
        assert admitted is not None
        return Admitted(admitted, warnings)

    def admit_deletion(self, request: Request, asked: Asked, old: JSON) -> Sequence[str]:
        """Ask every webhook that matches about a deletion; return their warnings."""
        return self._admit(request, asked, None, old)[1]

    def _admit(
        self, request: Request, asked: Asked, new: JSON | None, old: JSON | None
    ) -> tuple[JSON | None, list[str]]:
        warnings: list[str] = []
        seen: dict[int, JSON | None] = {}
        hooks = self._hooks(asked, new, old, is_mutating=True)
        for index, hook in enumerate(hooks):
            new = self._mutated(_Question(request, asked, hook, 0), new, old, warnings)
            seen[index] = new
        for index, hook in enumerate(hooks):
            if hook.spec.get("reinvocationPolicy") == "IfNeeded" and new != seen[index]:
                new = self._mutated(_Question(request, asked, hook, 1), new, old, warnings)
        for hook in self._hooks(asked, new, old, is_mutating=False):
            warnings += self._ask(_Question(request, asked, hook, 0), new, old).warnings
        return new, warnings

    def _hooks(self, asked: Asked, new: JSON | None, old: JSON | None, *, is_mutating: bool) -> list[Hook]:
        states = [each for each in (new, old) if each is not None]
        return hooks_for(self._store, asked.action, states, is_mutating=is_mutating)

    def _mutated(self, question: _Question, new: JSON | None, old: JSON | None, warnings: list[str]) -> JSON | None:
        said = self._ask(question, new, old)
        warnings += said.warnings
        if not said.patch:
            return new
        hook, resource = question.hook, question.asked.action.resource
        if new is None:
            detail = "attempted to modify the object, which is not supported for this operation"
            raise InternalError(f'admission webhook "{hook.name}" {detail}')
        try:
            patched = jsonpatch.apply(new, list(said.patch))
        except (jsonpatch.MalformedPatchError, jsonpatch.PatchConflictError) as error:
            raise InternalError(str(error)) from None
        return patched if question.asked.action.operation == "CONNECT" else read_object(resource, patched)

    def _ask(self, question: _Question, new: JSON | None, old: JSON | None) -> Verdict:
        """Return what a webhook says; an empty verdict if it cannot be asked and that is to be ignored."""
        hook = question.hook
        if question.asked.is_dry_run and not hook.is_free_of_effects:
            raise BadInput(f'admission webhook "{hook.name}" does not support dry run')
        try:
            outcome = self._outcome(question, review(question.asked, new, old))
            return verdict(hook, outcome.uid, outcome.body)
        except WebhookFailure as error:
            if hook.ignores_failures:
                return Verdict()
            raise failure(hook, str(error)) from None

    def _outcome(self, question: _Question, content: JSON) -> Outcome:
        known = question_of(question.hook, content, question.round)
        outcome = question.request.reviews.get(known)
        if outcome is None:
            uid = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
            raise ReviewNeeded(self._call(question.hook, known, uid, document(content, uid)))
        if outcome.failure:
            raise WebhookFailure(f"failed to call webhook: {outcome.failure}")
        return outcome

    def _call(self, hook: Hook, question: str, uid: str, body: bytes) -> Call:
        """Return the call of a webhook; WebhookFailure if its Service has no endpoint."""
        service, timeout = hook.client.get("service"), hook.timeout_seconds
        if not service:
            url = f"{hook.client.get('url', '')}?timeout={timeout}s"
            return Call(question, uid, url, "", body, hook.authority, timeout)
        namespace, port = service["namespace"], service.get("port") or 443
        name = f"{service['name']}.{namespace}.svc"
        url = f"https://{name}:{port}/{service.get('path', '').lstrip('/')}?timeout={timeout}s"
        location = self._locate(namespace, service["name"], port, url)
        return Call(question, uid, url, name, body, hook.authority, timeout, namespace, location)

    def _locate(self, namespace: str, service: str, port: int, url: str) -> Location:
        try:
            return self._proxying.endpoint(ObjectKey(namespace, service), str(port))
        except StatusError as error:
            raise WebhookFailure(f'failed to call webhook: Post "{url}": {error.message}') from None


class _Question(NamedTuple):
    """A webhook that is asked about a request; ``round`` 1 is a reinvocation."""

    request: Request
    asked: Asked
    hook: Hook
    round: int

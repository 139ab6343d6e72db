"""Ask the admission policies and webhooks about what a request does: those that change it, then the others. Pure.

Follows apiserver ``pkg/admission/plugin/webhook/mutating`` and ``validating`` (dispatcher.go), and
``pkg/admission/reinvocation.go``.
"""

from __future__ import annotations

import random
import uuid
from functools import cached_property, partial
from typing import TYPE_CHECKING

from kubeapi.customresources.conversion.versions import as_seen
from kubeapi.customresources.definitions import CustomKinds
from kubeapi.kinds import kind_of
from kubeapi.meta import JSON, copy_object
from kubeapi.patch import jsonpatch
from kubeapi.registry.admission import ADMIT_ALL, Action, Admission
from kubeapi.registry.creation import read_object
from kubeapi.status import InternalError, StatusError
from kubeapi.store import Store
from kubeapi.webhooks.calls import Call, CallNeeded, Reviews, new_call
from kubeapiserver.admission.calls import Asked, Question, asked_of, said_of
from kubeapiserver.admission.forms import form_of, requested_as, shown_as
from kubeapiserver.admission.hooks import Bindings, Hook, Hooks, NoHooks, is_exempt, selectors_match
from kubeapiserver.admission.reinvocation import Reinvocation
from kubeapiserver.admission.reviews import Requester, Verdict, document

if TYPE_CHECKING:
    from kubeapiserver.admission.policies.requests import StoredPolicies


class Webhooks:
    """Gives users an Admission that asks policies and webhooks."""

    def __init__(self, store: Store, rng: random.Random) -> None:
        self.store = store
        self.hooks = Hooks(store)
        self._bindings = Bindings(store)
        self._rng = rng

    def admission(self, requester: Requester, reviews: Reviews | None, warnings: list[str]) -> Admission:
        """Return what admits the writes of one request; the webhooks' warnings are added to ``warnings``.

        ``reviews`` are what earlier attempts at the same request have been answered.
        """
        if not self.hooks and not self._bindings:
            return ADMIT_ALL
        return _WebhookAdmission(self, requester, reviews or Reviews(self._rng.getrandbits(64)), warnings, self.hooks)

    def rehearsal(self, requester: Requester) -> Admission:
        """Return what admits a dry run before the writes of one request: policies alone are asked."""
        return _WebhookAdmission(self, requester, Reviews(), [], NoHooks()) if self._bindings else ADMIT_ALL

    def policies(self) -> StoredPolicies | None:
        """Return the admission policies, None if none is bound."""
        return self._stored_policies if self._bindings else None

    @cached_property
    def _stored_policies(self) -> StoredPolicies:
        from kubeapiserver.admission.policies.requests import StoredPolicies  # no start needs CEL

        return StoredPolicies(self.store)

    @cached_property
    def customs(self) -> CustomKinds:
        """The custom kinds."""
        return CustomKinds(self.store)

    def call(self, hook: Hook, content: JSON) -> Call:
        """Return the call of a webhook."""
        uid = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        return new_call(hook.client, uid, document(content, uid), hook.timeout_seconds)


class _WebhookAdmission:
    """Admits the writes of one request; ``Admission`` says what each method does."""

    def __init__(
        self, webhooks: Webhooks, requester: Requester, reviews: Reviews, warnings: list[str], hooks: Hooks | NoHooks
    ) -> None:
        self._webhooks = webhooks
        self._hooks = hooks
        self._requester = requester
        self._reviews = reviews
        self._warnings = warnings
        self.rng: random.Random | None = random.Random(reviews.seed)

    def mutated(self, action: Action, new: JSON, old: JSON | None) -> JSON:
        if is_exempt(action.resource):
            return new
        policies = self._webhooks.policies()
        if policies is None:
            return self._by_webhooks(action, new, old)
        changed = policies.mutated(self._requester, action, new, old)
        after = self._by_webhooks(action, changed.object, old)
        if after != changed.object:
            changed = changed._replace(object=after, overtaken=changed.reinvocable)
        return policies.reinvoked(self._requester, action, changed, old)

    def _by_webhooks(self, action: Action, new: JSON, old: JSON | None) -> JSON:
        rounds, hooks = Reinvocation(), self._hooks.mutating()
        changed = self._round(rounds, action, new, old)
        if changed == new or not hooks:
            return changed
        if action.operation == "CREATE" and not action.subresource:
            before = changed
            kind_of(action.resource).admit(changed := copy_object(changed), None, self._webhooks.store)
            if changed != before:
                rounds.require()
        rounds.number = 1
        return self._round(rounds, action, changed, old)

    def _round(self, rounds: Reinvocation, action: Action, new: JSON, old: JSON | None) -> JSON:
        """Ask each webhook in turn; return the changed state."""
        for hook in self._hooks.mutating():
            if not rounds.includes(hook) or (question := self._question(hook, action, new, old)) is None:
                continue
            changed = self._patched(question._replace(round=rounds.number), new, old)
            if changed != new:
                rounds.require()
                new = changed
            rounds.note(hook)
        return new

    def prepared(self, new: JSON, old: JSON | None) -> JSON:
        known = self._reviews.prepared
        if known is None or known[0] != _version(old):
            return new
        again: JSON = copy_object(known[1])
        return again

    def validate(self, action: Action, new: JSON, old: JSON | None) -> None:
        if is_exempt(action.resource):
            return
        self._ask_policies(action, new, old)
        try:
            self._ask_validating(action, new, old)
        except CallNeeded:
            self._reviews.prepared = _version(old), copy_object(new)
            raise

    def admit_deletion(self, action: Action, old: JSON) -> None:
        if is_exempt(action.resource):
            return
        self._ask_policies(action, None, old)
        for hook in self._hooks.mutating():
            if question := self._question(hook, action, None, old):
                said = self._said(asked_of(question, self._requester, None, old))
                self._warnings += said.warnings
                if said.patch:
                    detail = "attempted to modify the object, which is not supported for this operation"
                    raise InternalError(f'admission webhook "{hook.name}" {detail}')
        self._ask_validating(action, None, old)

    def _ask_validating(self, action: Action, new: JSON | None, old: JSON | None) -> None:
        """Ask the validating webhooks side by side; the first refusal that has come counts."""
        questions = [self._question(hook, action, new, old) for hook in self._hooks.validating()]
        asked = [asked_of(each, self._requester, new, old) for each in questions if each is not None]
        needed = [call for each in asked if (call := self._call_for(each)) is not None]
        if needed:
            needed[0].others = needed[1:]
            raise needed[0]
        arrived, refusals = list(self._reviews.outcomes), list[StatusError]()
        for each in sorted(asked, key=lambda each: arrived.index(each.known)):
            try:
                self._warnings += self._said(each).warnings
            except StatusError as refusal:
                refusals.append(refusal)
        if refusals:
            raise refusals[0]

    def _ask_policies(self, action: Action, new: JSON | None, old: JSON | None) -> None:
        policies = self._webhooks.policies()
        if policies is not None:
            self._warnings += policies.validate(self._requester, action, new, old)

    def _question(self, hook: Hook, action: Action, new: JSON | None, old: JSON | None) -> Question | None:
        """Return what a webhook is to be asked about an action, None if it is not asked."""
        store, requested = self._webhooks.store, requested_as(action.resource, self._requester.api_version)
        form = form_of(hook, action, requested, self._webhooks.customs)
        objects = [each for each in (new, old) if each is not None]
        if form is None or not selectors_match(hook.spec, action, objects, store):
            return None
        if hook.conditions:
            from kubeapiserver.admission.policies.webhookconditions import is_called  # no other webhook needs CEL

            if not is_called(hook, store, self._requester, action, (new, old)):
                return None
        return Question(hook, action, form)

    def _patched(self, question: Question, new: JSON, old: JSON | None) -> JSON:
        """Return the state as a webhook wants it, decoded and with defaults."""
        said = self._said(asked_of(question, self._requester, new, old))
        self._warnings += said.warnings
        if not said.patch:
            return new
        action, form = question.action, question.form
        shown = shown_as(form, action, new)
        try:
            patched: JSON = jsonpatch.apply(shown, list(said.patch))
            if new.get("kind") != action.resource.kind:  # a Binding, a Scale, the options of a connection
                return patched
            changed = read_object(form.shown, patched)
        except (jsonpatch.MalformedPatchError, jsonpatch.PatchConflictError) as error:
            raise InternalError(str(error)) from None
        except StatusError as error:
            raise InternalError(error.message.partition(f" cannot be handled as a {form.shown.kind}: ")[2]) from None
        kind_of(form.shown).set_defaults(changed)
        return changed if form.shown == action.resource else as_seen(action.resource, changed)

    def _call_for(self, asked: Asked) -> CallNeeded | None:
        """Return the call that has to be made for an answer, None if it is there."""
        if asked.known in self._reviews.outcomes:
            return None
        keep = partial(self._reviews.outcomes.__setitem__, asked.known)
        return CallNeeded(self._webhooks.call(asked.hook, asked.content), keep, self._reviews)

    def _said(self, asked: Asked) -> Verdict:
        """Return what a webhook says; an empty verdict if it cannot be asked and that is to be ignored."""
        if (needed := self._call_for(asked)) is not None:
            raise needed
        return said_of(asked, self._reviews.outcomes[asked.known])


def _version(old: JSON | None) -> str:
    return str(old["metadata"]["resourceVersion"]) if old is not None else ""

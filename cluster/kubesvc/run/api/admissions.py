"""The admission webhooks as the cluster's own components meet them: each of its writes is one of a user."""

from __future__ import annotations

import random

from kubeapi.registry.admission import Admission
from kubeapi.store import Store
from kubeapi.users import User
from kubeapi.webhooks.calls import Call, Outcome, Reviews
from kubeapiserver.admission.reviews import Requester, plain_options
from kubeapiserver.admission.webhooks import Webhooks
from kubeapiserver.proxying.location import Proxying
from kubeapiserver.streaming.runtime import Runtime


class ClusterAdmissions:
    """Admits the components' writes; ``runtime``, which calls need, is set before the first one."""

    runtime: Runtime

    def __init__(self, store: Store, rng: random.Random) -> None:
        self._webhooks = Webhooks(store, rng)
        self._proxying = Proxying(store, rng)

    def admission(self, user: User, reviews: Reviews | None, warnings: list[str] | None = None) -> Admission:
        """Return what admits an attempt of a user; what policies and webhooks warn of is added to ``warnings``."""
        told = warnings if warnings is not None else []
        return self._webhooks.admission(Requester(user, plain_options), reviews, told)

    def rehearsal(self, user: User) -> Admission:
        """Return what admits a dry run of a user: policies alone are asked."""
        return self._webhooks.rehearsal(Requester(user, plain_options))

    async def call(self, wanted: Call) -> Outcome:
        """Call a webhook."""
        # Imported for the first call: most clusters have no webhooks.
        from kubeapiserver.wire.webhooks import WebhookCaller

        return await WebhookCaller(self.runtime, self._proxying).call(wanted)

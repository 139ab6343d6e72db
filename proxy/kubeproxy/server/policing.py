"""NetworkPolicies as the proxy has them hold, where pods have networks of their own; where they have none it says so.

While there is no policy nothing is in the kernel, and the code for it is not loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import NAMESPACES, NETWORKPOLICIES, Resource
from kubeproxy import NAME
from kubeproxy.config import ProxyConfig
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.proxier import Sync
from kubeproxy.rules import Rules
from kubeproxy.server.events import WARNING, Record
from kubeproxy.trackers import PolicyTracker
from kubeproxy.types import policy_key

if TYPE_CHECKING:
    from kubeproxy.nft.io.policing import KernelPolicies

NOT_ENFORCED = "NotEnforced"
"""The reason of an event about a policy that does not hold."""
_NO_NETWORKS = (
    "This policy is stored and does not hold: pods have no networks of their own here, so nothing they send is dropped"
)

Followed = tuple[Resource, Callable[[ObjectKey, JSON | None], None]]


class Policing:
    """``record`` is told of policies that do not hold."""

    def __init__(self, config: ProxyConfig, dependencies: ProxyDependencies, record: Record) -> None:
        self._is_wanted = config.follows_policies
        self._network = dependencies.network
        self._failures = dependencies.failures
        self._servers = (*(ip for each in config.policy_servers for ip in each.ips), *config.outside_addresses)
        self._record = record
        self._kernel: KernelPolicies | None = None
        self._rules = Rules()
        self._unenforced: dict[ObjectKey, str] = {}

    def followed(self, tracker: PolicyTracker) -> tuple[Followed, ...]:
        """Return which objects are followed, and what takes their changes."""
        if not self._is_wanted:
            return ()
        if len(self._network.places) == 1:
            return ((NETWORKPOLICIES, self._note_unenforced),)
        return ((NETWORKPOLICIES, tracker.update), (NAMESPACES, tracker.update_namespace))

    def apply(self, sync: Sync) -> None:
        """Have the kernel obey a change of the rules. Connections that exist go on."""
        self._rules = sync.rules
        if self._kernel is None:
            if not sync.rules.policies:
                return
            # Imported here because most clusters have no policies.
            from kubeproxy.nft.io.policing import KernelPolicies

            self._kernel = KernelPolicies(self._network, self._servers)
        with self._failures.guard(NAME, "enforcing NetworkPolicies"):
            self._kernel.apply(sync)
        self._note_problem(self._kernel.problem)

    def renew(self) -> None:
        """Begin anew in the network of the pods, as this is a new one now."""
        if self._kernel is not None:
            self._kernel.forget()
            self.apply(Sync(self._rules, (), (), (), 0, 0))

    def problems(self) -> list[str]:
        """Return why policies do not hold, one sentence; nothing if they do."""
        return [self._kernel.problem] if self._kernel is not None and self._kernel.problem else []

    def close(self) -> None:
        """Close what is open; the rules end with the network."""
        if self._kernel is not None:
            self._kernel.forget()

    def _note_problem(self, problem: str) -> None:
        known, self._unenforced = self._unenforced, {}
        for key in self._rules.policies.policies if problem else ():
            self._unenforced[key] = problem
            if known.get(key) != problem:
                self._record(policy_key(key), WARNING, NOT_ENFORCED, problem)

    def _note_unenforced(self, key: ObjectKey, obj: JSON | None) -> None:
        if obj is None:
            self._unenforced.pop(key, None)
        elif key not in self._unenforced:
            self._unenforced[key] = _NO_NETWORKS
            self._record(policy_key(key), WARNING, NOT_ENFORCED, _NO_NETWORKS)

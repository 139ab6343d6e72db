"""A shell in a pod of an end-to-end test, as `kubectl exec` opens it, and the DNS queries that upstream sends there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.helpers.cluster.cli import eventually
from tests.helpers.e2e.cluster import Namespace
from tests.helpers.kubectl.cli import Kubectl, Said, find_kubectls, kubeconfig_of, preferred
from tests.helpers.patience import PATIENCE

TRANSPORTS = ("+notcp", "+tcp")


@dataclass(frozen=True)
class Shell:
    """Runs commands in the only container of a pod; ``home`` is a folder of kubectl's own."""

    namespace: Namespace
    pod: str
    home: Path

    @cached_property
    def _kubectl(self) -> Kubectl:
        found = find_kubectls()
        version = preferred(found)
        kubeconfig = kubeconfig_of(self.namespace.cluster.commands)
        return Kubectl(version, found[version], self.home, kubeconfig, self.home)

    def run(self, script: str, status: int | None = 0) -> Said:
        """Run a line of shell; ``status`` None takes any exit status."""
        quoted = script.replace("'", "'\\''")
        return self._kubectl(f"kubectl exec -n {self.namespace.name} {self.pod} -- sh -c '{quoted}'", status=status)

    def dig(self, *words: str) -> list[str]:
        """Return the data of the records that dig prints, sorted, asked as upstream does."""
        said = self.run(f"dig +noall +answer +search +time={PATIENCE // 10} +tries=2 {' '.join(words)}").out
        lines = [line.split(maxsplit=4) for line in said.splitlines() if line and not line.startswith(";")]
        return sorted(line[4] for line in lines)

    def resolves(self, name: str, qtype: str, wanted: list[str]) -> bool:
        """Tell whether a name has these records before long, over UDP and over TCP."""
        return eventually(lambda: all(self.dig(each, name, qtype) == wanted for each in TRANSPORTS))

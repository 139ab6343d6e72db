"""One network for all, the machine's own: what networks have in common in which pods have none of their own."""

from __future__ import annotations

from collections.abc import Callable

from kubehost.io.places import Channel, Place


class OneNetwork:
    """The half of kubehost's ``Network`` that is about the networks of pods and about other processes."""

    def inside(self, pod: str) -> Place | None:
        """Return None: pods' own networks are not entered."""
        del pod
        return None

    def lend(self) -> Channel | None:
        """Return None: other processes have this network too."""
        return None

    def attach(self, channel: Channel) -> None:
        """Refuse: nobody lends one."""
        raise NotImplementedError

    def observe(self, ended: Callable[[str], None]) -> None:
        """Do nothing: no pod's network is held."""

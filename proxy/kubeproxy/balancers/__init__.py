"""How a Service port chooses among its endpoints: one algorithm, one file.

To add one, write its file and put its name into the ``catalogue``: the annotation ``kubesvc.dev/balancer``, the
configuration (``proxy.balancer``), `kubesvc trace` and the workers all read ``BALANCERS``. An algorithm is pure: the
random source, the clock, the load of backends and the position of its rotation are passed in.
"""

from __future__ import annotations

from kubeproxy.balancers.balancer import (
    Ask,
    Asking,
    Backend,
    Balancer,
    Inputs,
    Load,
    Options,
    Probe,
    Reported,
    Rng,
    Tell,
    ask_nobody,
    own_load,
    own_weight,
)
from kubeproxy.balancers.catalogue import PLACES, Catalogue
from kubeproxy.balancers.composing import all_options, common_options, compose
from kubeproxy.balancers.turns import OwnTurns, Turns
from kubeproxy.balancers.watch import Watch, watch
from kubeproxy.balancers.work import Work, at_once

__all__ = [
    "BALANCERS",
    "NAMES",
    "Ask",
    "Asking",
    "Backend",
    "Balancer",
    "Inputs",
    "Load",
    "Options",
    "OwnTurns",
    "Probe",
    "Reported",
    "Rng",
    "Tell",
    "Turns",
    "Watch",
    "Work",
    "all_options",
    "ask_nobody",
    "at_once",
    "common_options",
    "compose",
    "own_load",
    "own_weight",
    "watch",
]

BALANCERS = Catalogue(PLACES)
"""The algorithms by name and alias."""

NAMES = tuple(PLACES)
"""The names without the aliases."""

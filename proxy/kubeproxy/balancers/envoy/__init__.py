"""Envoy's algorithms, and gRPC's that follow them."""

from __future__ import annotations

from kubeproxy.balancers.balancer import Balancer
from kubeproxy.balancers.envoy.least_request import LeastRequest
from kubeproxy.balancers.envoy.maglev import Maglev
from kubeproxy.balancers.envoy.rendezvous import Rendezvous
from kubeproxy.balancers.envoy.ring_hash import RingHash
from kubeproxy.balancers.envoy.weighted_edf import WeightedEdf

ENVOY: tuple[type[Balancer], ...] = (LeastRequest, Maglev, Rendezvous, RingHash, WeightedEdf)

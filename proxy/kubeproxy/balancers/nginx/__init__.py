"""nginx' balancing methods, pick for pick as nginx 1.22.1 does them (``src/http/modules/ngx_http_upstream_*.c``).

Its round robin is ``weighted_round_robin``. A server that has failed for a connection (``avoid``) is what nginx calls
tried or down; servers are in the order of their addresses instead of that of a file. ``backup``, ``max_conns`` and
``max_fails`` have no counterpart in Kubernetes.
"""

from __future__ import annotations

from kubeproxy.balancers.balancer import Balancer
from kubeproxy.balancers.nginx.consistent_hash import NginxConsistentHash
from kubeproxy.balancers.nginx.hash import NginxHash
from kubeproxy.balancers.nginx.ip_hash import NginxIpHash
from kubeproxy.balancers.nginx.least_conn import NginxLeastConn
from kubeproxy.balancers.nginx.random_choice import NginxRandom, NginxRandomTwo

NGINX: tuple[type[Balancer], ...] = (
    NginxConsistentHash,
    NginxHash,
    NginxIpHash,
    NginxLeastConn,
    NginxRandom,
    NginxRandomTwo,
)

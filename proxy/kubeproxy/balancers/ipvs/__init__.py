"""The schedulers of IPVS, Linux' load balancer, by its own names and rules (``net/netfilter/ipvs``).

Read with Linux 6.1.192. What kube-proxy's ``ipvs`` mode offers: it has one scheduler for all Services, ``rr`` if none
is asked for, servers of weight 1, and it has ``mh`` hash the client's port as well.
"""

from __future__ import annotations

from kubeproxy.balancers.balancer import Balancer
from kubeproxy.balancers.ipvs.hashed import Dh, Sh
from kubeproxy.balancers.ipvs.least import Fo, Lc, Nq, Ovf, Sed, Wlc
from kubeproxy.balancers.ipvs.locality import Lblc, Lblcr
from kubeproxy.balancers.ipvs.maglev import Mh
from kubeproxy.balancers.ipvs.rotation import Rr, Wrr
from kubeproxy.balancers.ipvs.twos import Twos

IPVS: tuple[type[Balancer], ...] = (Rr, Wrr, Lc, Wlc, Sed, Nq, Fo, Ovf, Twos, Sh, Dh, Mh, Lblc, Lblcr)

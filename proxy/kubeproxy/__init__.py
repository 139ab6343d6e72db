"""A kube-proxy: from Services and EndpointSlices to the traffic of their clients.

The nouns to know: ``ServicePortName`` (the one identity of traffic), ``Rules`` (what is obeyed, immutable), ``Plane``
(an engine that carries traffic by them; ``userspace`` has one) and ``ProxyServer`` (all of it together).
"""

NAME = "kube-proxy"
"""The component's name in events, faults and task names."""

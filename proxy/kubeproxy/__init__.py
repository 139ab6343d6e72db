"""A kube-proxy: from Services and EndpointSlices to the traffic of their clients.

``trackers`` read objects, ``Proxier`` compiles the ``rules`` from them, and ``Rules.decide`` says where a connection
goes and why. ``LoadBalancer`` chooses its endpoint by one of the ``balancers``. A ``Plane`` (``userspace`` has one)
carries the traffic, ``server`` runs it all. ``ServicePortName`` identifies a Service port everywhere.
"""

NAME = "kube-proxy"
"""The component's name in events, faults and task names."""

"""A kube-proxy: from Services and EndpointSlices to the traffic of their clients.

``trackers`` read objects, ``Proxier`` compiles the ``rules`` from them, and ``Rules.decide`` says where a connection
goes and why. ``LoadBalancer`` chooses its endpoint by one of the ``balancers``. A ``Plane`` carries the traffic:
``userspace`` by sockets, ``nft`` by rules of the kernel. ``ingress`` has what becomes of a request to an Ingress,
``telemetry`` what is counted and remembered of all that, ``tracing`` decisions in words; ``server`` runs it.
``ServicePortName`` identifies a Service port everywhere.
"""

NAME = "kube-proxy"
"""The component's name in events, faults and task names."""

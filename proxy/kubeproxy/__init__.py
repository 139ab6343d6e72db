"""The data plane: a userspace kube-proxy, from Services and EndpointSlices to listeners and relays.

The nouns to know: ``ServicePortName`` (the one identity of traffic), ``Rules`` (what is obeyed, immutable),
``Relay`` (the life of one connection) and ``ProxyServer`` (all of it, for the composition root).
"""

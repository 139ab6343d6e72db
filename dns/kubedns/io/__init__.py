"""Sockets, connections and upstreams: all of kubedns that knows the event loop.

- ``server``: ``DNSServer``, which follows the cluster's objects and answers on its addresses
- ``sockets``, ``datagrams``, ``connections``: binding, UDP and TCP
- ``forward``, ``upstream``: asking other name servers
"""

"""Sockets, connections and upstreams: all of kubedns that knows the event loop.

- ``server``: ``DNSServer``, which follows the cluster's objects and answers on its addresses
- ``answering``: what it answers from by one configuration, which another may replace
- ``sockets``, ``datagrams``, ``connections``: binding, UDP and TCP
- ``asking``, ``forward``, ``upstream``: queries that wait for other name servers
"""

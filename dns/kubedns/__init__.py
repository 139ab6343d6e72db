"""The cluster's name server, in CoreDNS's part: names of Services, endpoints and pods, straight from the watch.

From a packet to its response:

- ``io``: sockets and upstreams; ``io.server.DNSServer`` is the whole
- ``responder``, ``cache``: packet to packet; most responses are kept
- ``packets``: reading and writing packets; ``rdata``: the record types
- ``handler``, ``lookup``, ``rrsets``: a Query becomes an Answer
- ``zone``, ``records``: the index of the cluster's objects
- ``explain``, ``reasons``: an Answer in sentences

Sees the cluster only through ``ListerWatcher``. Exports nothing, so that ``rdata`` can be imported without the server.
"""

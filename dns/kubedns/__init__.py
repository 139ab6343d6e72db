"""The cluster's name server, in CoreDNS's part: names of Services, endpoints and pods, straight from the watch.

From a packet to its response:

- ``io``: sockets and upstreams; ``io.server.DNSServer`` is the whole
- ``responder``, ``cache``: packet to packet; most responses are kept
- ``packets``: reading and writing packets; ``rdata``: the record types
- ``handler``, ``lookup``, ``rrsets``: a Query becomes an Answer
- ``zones``, ``zone``, ``records``: which names are the cluster's, and the index of its objects
- ``replies``: what upstreams have said, for as long as they allow
- ``explain``, ``reasons``: an Answer in sentences

Sees the cluster only through ``ListerWatcher``. Exports nothing, so that ``rdata`` can be imported without the server.
"""

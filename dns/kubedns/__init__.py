"""The cluster's name server, in CoreDNS's part: names of Services, endpoints and pods, straight from the watch.

The nouns to know: ``Records`` (the index of the cluster's objects), ``Handler`` (a Query becomes an Answer),
``Responder`` (packet to packet) and ``DNSServer`` (the sockets). Sees the cluster only through ``ListerWatcher``.
"""

from kubedns.config import DNSConfig, read_resolv_conf
from kubedns.server import DNSCounts, DNSServer, Failure, Listening

__all__ = ["DNSConfig", "DNSCounts", "DNSServer", "Failure", "Listening", "read_resolv_conf"]

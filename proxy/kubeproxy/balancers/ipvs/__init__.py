"""The schedulers of IPVS, Linux' load balancer, by its own names and rules (``net/netfilter/ipvs``).

Read with Linux 6.1.192. The list of a route begins with its first connection, with the servers of then in the order of
their addresses; a server that has the weight 0 already is as one that was added with it. At rest a server takes up to
180 bytes; where ended connections count, up to 570 while all servers have some.

kube-proxy's ``ipvs`` mode has one scheduler for all Services, ``rr`` if none is asked for, and servers of weight 1; it
has ``mh`` hash the client's port as well.
"""

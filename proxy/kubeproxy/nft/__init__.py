"""The engine that has the kernel carry traffic: Services as rules of nftables, in the cluster's network of sandboxes.

The tables are kube-proxy's own (``pkg/proxy/nftables`` of k8s.io/kubernetes 1.37): the same names of chains, maps and
sets, written from the same ``Rules`` as the userspace engine obeys. It differs where one network stands for all nodes:
what differs by node is chosen by the client's address, and node ports are looked up with the node's address.

    statements     what rules say, as values, and how nft(8) writes them
    tables         what is in a table, part by part, and which messages lead from one state to the next
    skeleton       the part that is the same for all Services
    serviceport    the part of one Service port
    eligibility    which Service ports the kernel can serve
    division       which engine serves a Service port
    netlink        the netlink form of all that, and the connections that the kernel tracks; ``flows`` reads these
    policies       NetworkPolicies, in a table of their own
    io             the sockets, and the plane itself
"""

"""Sandboxes: the cluster's network and a network for each pod, in Linux namespaces that the agent holds.

``spec``            what the networks and a container's file system are, as plain values
``plan``            how the networks are set up: requests of netlink, and settings; ``idmaps`` are those of users
``io``              what the agent does with namespaces, links and sockets

Nothing is imported here: the zygote loads this package too, and every pod would carry it.
"""

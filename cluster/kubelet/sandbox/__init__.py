"""Sandboxes: the cluster's network and a network for each pod, in Linux namespaces that the agent holds.

``plan``            how the networks are set up: requests of netlink, and settings; ``idmaps`` are those of users
``io``              what the agent does with namespaces, links and sockets; the file system of a container in ``rootfs``
                    (``sources`` are opened, ``mounting`` and ``kernelfolders`` mount), its user in ``privileges``

Nothing is imported here: the zygote loads this package too, and every pod would carry it.
"""

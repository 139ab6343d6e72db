"""What the machine gives to every component. Nothing here knows Kubernetes' objects.

- ``addresses``: socket addresses as text, the loopback network, the source address of a dial (pure)
- ``network``: ``Network``, where an address of the cluster is bound or dialled on this machine, and in which place
- ``netlink``: the frames of the kernel's messages about networks (pure)
- ``errortexts``: errors of the operating system as Go prints them (pure)
- ``openfiles``: how many files a process may have open, and what they are shared out to
- ``socketmessages``: how a process asks the agent for sockets of other networks (pure)
- ``io``: the places in which sockets are made, and stocks of those that the agent makes; bound sockets, batches of
  datagrams (recvmmsg(2), sendmmsg(2)), namespaces, and netlink's requests
"""

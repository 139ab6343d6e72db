"""The networks of a cluster on this machine, for the plan of its addresses (``kubesvc.addresses``).

- ``loopback``: all in 127.0.0.0/8, where pods have no networks of their own
- ``sandbox``: the host, the cluster's network and the pods', and in which of them a connection begins
- ``cluster``: what the agent makes of the configuration
- ``ipv6``: which IPv6 addresses stand for which
- ``pasta``, ``masquerade``: the way out, to the internet
"""

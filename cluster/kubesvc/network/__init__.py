"""Where a cluster's addresses are on this machine.

- ``loopback``: all in 127.0.0.0/8, where pods have no networks of their own
- ``sandbox``: the host, the cluster's network and the pods', and in which of them a connection begins
- ``cluster``: what the agent makes of the configuration
- ``plan``, ``addresses``, ``ipv6``: which address stands for which
- ``pasta``, ``masquerade``: the way out, to the internet
"""

"""`kubesvc shell` and `kubesvc run`: a program of this machine as if it ran on a node of the cluster.

``entrance`` is what the cluster tells about itself, ``files`` what the program sees in /etc, where ``hostsfile`` is the
nodes' /etc/hosts; ``entering`` takes the program there.
"""

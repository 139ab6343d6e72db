"""The ground floor: what the machine gives to every component, and nothing of Kubernetes.

The nouns to know: ``Network`` (where an address of the cluster is bound or dialled on this machine), ``openfiles`` (how
many a process may have), ``mmsg`` (many datagrams by one system call).
"""

"""System calls: binding sockets, and many datagrams by one call. All of kubehost that knows ``socket``."""

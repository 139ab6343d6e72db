"""HTTP on epoll, single-threaded: what all built-in servers are made of."""

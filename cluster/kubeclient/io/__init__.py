"""Requests to an API server: the files that know sockets, TLS and the clock."""

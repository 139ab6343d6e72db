"""HAProxy's ``balance`` algorithms, pick for pick as HAProxy 2.6.12 does them (``src/lb_*.c``, ``src/backend.c``).

``first`` is in a file of its own. A server's id is its place in the list, as in a file without ids. ``maxconn`` and
queues have no counterpart: a server that may not be chosen now (``avoid``) is what HAProxy calls saturated.
"""

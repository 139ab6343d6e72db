"""The engine that carries traffic through sockets of this process, or of several worker processes.

Modules directly in here and in ``io`` folders may use sockets and the event loop. The folders ``tcp``, ``udp``,
``http`` and ``workers`` hold the decisions, which are pure.

    plane             the engine as ``ProxyServer`` sees it: in which order a change is obeyed
    listeners         which addresses are bound in a place, and why one is not
    portgroup bpf     the sockets of one address, and which clients the kernel drops or gives to which of them
    carrier           what serves the sockets: ``dataplane`` in one process, ``workers`` in several
    accepting         accepts, and hands each client to ``tcp`` or ``http``
    descriptors       pauses accepting while too many files are open
    tcp udp http      what happens to connections, datagrams and requests
    parts poller      what all of them use: one epoll for all sockets, the choice of endpoints, counters
    dialling          in which place and from which address an endpoint is dialled
    sockets live      how sockets are opened; the connections that exist now
"""

"""The engine that carries traffic through sockets of this process, or of several worker processes.

Modules directly in here and in ``io`` folders may use sockets and the event loop. The folders ``tcp``, ``udp``,
``http`` and ``workers`` hold the decisions, which are pure.

    dataplane       what one process does: rules, connections, flows, requests
    listeners       which addresses are bound, and why one is not
    portgroup       the sockets of one address
    streamsocket    accepts
    poller          one epoll for all sockets
    tcp udp http    what happens to connections, datagrams and requests
    workers         several processes as one data plane
"""

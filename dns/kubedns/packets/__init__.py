"""DNS packets, read and written without sockets.

- ``format``: sizes, flags and structs of RFC 1035 and 6891
- ``queries``: read a query as resolvers send it, and write our own
- ``library``: read any other packet, by dnslib
- ``responses``: write responses, with addresses in random order
- ``relaying``: check an upstream's reply and fit it to the client
"""

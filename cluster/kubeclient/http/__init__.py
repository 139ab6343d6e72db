"""HTTP/1.1 as a client: ``messages``, ``bodies`` and ``handshake`` are pure, ``io`` has the connections."""

"""UDP: ``flowtable`` decides which datagrams belong together, ``io`` has the sockets."""

"""The sockets of relayed connections."""

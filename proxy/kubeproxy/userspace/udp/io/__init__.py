"""The sockets of UDP flows."""

"""The sockets of HTTP clients and endpoints."""

"""Forwarded connections on the event loop."""

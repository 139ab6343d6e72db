"""Requests to one API server and events for it, by a user whose credentials are renewed."""

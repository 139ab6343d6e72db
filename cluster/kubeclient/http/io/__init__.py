"""Connections to one server: made, secured, kept, upgraded, and why one failed."""

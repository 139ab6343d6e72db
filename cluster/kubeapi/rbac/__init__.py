"""Roles and bindings: what they must be, and those that every cluster has. Pure."""

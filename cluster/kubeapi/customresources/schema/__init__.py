"""Structural schemas: what they default, prune and refuse. Pure."""

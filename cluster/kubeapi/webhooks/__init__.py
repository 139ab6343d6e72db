"""Calls of webhooks: what is asked, what comes of it, and how a write waits for it. Pure."""

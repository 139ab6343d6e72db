"""Runs the controllers on the event loop: the queue, the writes, the manager."""

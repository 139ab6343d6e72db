"""Runs the scheduler on the event loop."""

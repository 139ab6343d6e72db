"""Connections of multiplexed streams on the event loop."""

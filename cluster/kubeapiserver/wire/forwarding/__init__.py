"""Requests that the API server forwards to pods, and how their answers come back."""

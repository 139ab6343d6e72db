"""Requests to an API server: the files that know aiohttp, TLS and the clock."""

"""The built-in servers: what a container of a built-in image becomes after the fork (``prepare``).

Single-threaded, on epoll, with nothing of asyncio: their modules are imported before the fork and shared by all pods.
"""

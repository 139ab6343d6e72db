"""The built-in servers: what a container of a built-in image becomes after the fork.

``plan``            what a server has to do; ``prepare`` binds its ports and returns the function that serves them
``server``          HTTP on epoll, with its ``connection``, its ``children`` for answers that block, and ``messages``
``pages``, ``agnhost``, ``nginx``, ``connect``  the servers; ``dial`` and ``dialling`` are how agnhost connects

Single-threaded, on epoll, without asyncio: these modules are imported before the fork and shared by all pods.
"""

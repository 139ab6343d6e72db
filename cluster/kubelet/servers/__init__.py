"""The built-in servers: what a container of a built-in image becomes after the fork.

    prepare     binds the ports of a ``ServerPlan`` and returns the function that serves them
    http        HTTP on epoll: a server, its connections, its children for answers that block
    agnhost     the e2e test image, a file for each command
    backend     the model of a backend, for experiments with balancing
    pages files demos nginx netcat iperf outofwindow    the other images and commands
    programs    what is no server: it ends by itself, or by a signal

Single-threaded, on epoll, without asyncio: these modules are imported before the fork and shared by all pods.
"""

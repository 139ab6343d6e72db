"""`kubesvc up`.

    run             reads the manifests (``options``: its arguments), then takes one of two ways:
    running         the cluster runs already: applies to it
    foreground      it does not (``start``: what is to be started): takes the lock, prepares this process, and runs
    detach          the same in a child process, for --detach
    session         from the first line that is printed to the exit status; ``watch`` for --watch
    clientfaults    what the log has of malformed HTTP requests

Each module says what it decides; the cluster itself is ``kubesvc.run``.
"""

"""logs, exec, attach and port-forward: validation, and the protocols of their connections. Pure."""

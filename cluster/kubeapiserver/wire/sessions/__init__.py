"""logs, exec, attach and port-forward: a client's connection, joined to a container until one of them ends."""

"""The constants that the kubelet and its zygote share. Nothing is imported here, as the zygote loads it. Pure."""

MAX_MESSAGE = 4 * 1024 * 1024
"""Bytes of the longest message: a command line and its environment (Linux' own ARG_MAX is 2 MiB by default)."""
MAX_PACKET = 64 * 1024
"""Bytes of the longest packet (a socket's buffer is 208 KiB); a longer message is attached as a file in memory."""
ATTACHED = b'{"op": "attached"}'
"""The packet sent in place of a message that is in the file of its last descriptor."""
AGENT = "agent"
"""The built-in server that a zygote's child becomes to be the agent of sandboxes."""
CONTAINER_MARK = "KUBESVC_CONTAINER"
"""The variable that names a process's container, by which it is found even after it has left its session."""

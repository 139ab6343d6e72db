"""What the kubelet and its zygote agree on, beyond the messages; the zygote imports as little as it can."""

MAX_MESSAGE = 4 * 1024 * 1024
"""Bytes of the longest message: a command line and its environment (Linux' own ARG_MAX is 2 MiB by default)."""
MAX_PACKET = 64 * 1024
"""Bytes of the longest packet (a socket's buffer is 208 KiB); a longer message is attached as a file in memory."""
ATTACHED = b'{"op": "attached"}'
"""The packet that stands for the message in its last descriptor."""
CONTAINER_MARK = "KUBESVC_CONTAINER"
"""The variable by which a process says which container it belongs to, also after it has left its session."""

"""What the kubelet and its zygote agree on, beyond the messages; the zygote imports as little as it can."""

MAX_PACKET = 4 * 1024 * 1024
"""Bytes of the longest message: a command line and its environment (Linux' own ARG_MAX is 2 MiB by default)."""
CONTAINER_MARK = "KUBESVC_CONTAINER"
"""The variable by which a process says which container it belongs to, also after it has left its session."""

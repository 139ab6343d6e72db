"""The resources whose limits containers have here. Pure."""

LIMITED_RESOURCES = frozenset(("cpu", "memory"))
"""The names of resources; the controllers of cgroup v2 are named as they are."""

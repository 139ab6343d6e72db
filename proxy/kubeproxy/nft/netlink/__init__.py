"""The netlink form of tables, and of the connections that the kernel tracks. Pure."""

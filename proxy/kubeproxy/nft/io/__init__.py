"""The netlink sockets of the engine, and the plane that uses them."""

"""Side-by-side measurements. A load generator is a process of its own and talks only over sockets."""

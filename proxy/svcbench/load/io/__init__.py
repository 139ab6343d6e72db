"""What touches the kernel: the generator, its connections, its process, and the one that reads from it."""

"""Which program stands for an image, and how a container of it is started. Pure."""

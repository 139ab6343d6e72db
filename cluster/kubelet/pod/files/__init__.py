"""A pod's volumes, and what its containers see of the file system. Pure."""

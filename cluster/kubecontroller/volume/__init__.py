"""Storage: claims get volumes, made for them or found among those that are there. Pure."""

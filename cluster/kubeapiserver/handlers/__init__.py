"""The verbs on objects: read, write, patch, delete, and the subresources that change an object. Pure."""

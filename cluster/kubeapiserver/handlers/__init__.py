"""The verbs on objects: read, write, patch, delete, the subresources that change an object, and reviews. Pure."""

"""The OpenAPI documents that kubectl reads before it creates, edits or explains. Pure."""

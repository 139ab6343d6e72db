"""Text for people, made from JSON documents. Pure."""

"""What a request says: its path, media types, options, selectors and body. Pure."""

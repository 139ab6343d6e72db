"""What expressions cost at most, known before they are evaluated: by it the API refuses rules of a definition. Pure."""

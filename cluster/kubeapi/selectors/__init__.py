"""Label selectors as text: ``parsing`` reads it, ``text`` writes it. Pure."""

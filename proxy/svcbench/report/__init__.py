"""Runs and comparisons as text, as JSON and as one HTML page without network. Pure: text in, text out."""

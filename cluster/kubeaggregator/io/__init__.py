"""The connections to extension API servers."""

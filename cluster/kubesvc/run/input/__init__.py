"""The input of a start: documents, read and rehearsed before anything runs. ``prepare`` is the way in."""

"""Reads JSON as Go's types do: objects by their schema, quantities, times, durations, base64; with Go's messages."""

"""Container logs in the CRI format: written in batches, rotated, and read back."""

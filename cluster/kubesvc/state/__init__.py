"""What a cluster keeps on disk: its directory and lock, its objects, and how they start again."""

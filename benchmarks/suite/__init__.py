"""kubesvc beside the tools that one would pick instead: same backend, same client, in turns, in one run."""

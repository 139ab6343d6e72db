"""Image kubesvc/backend: ``sampling`` and ``behaviour``, also the simulation's, are pure; ``service`` serves."""

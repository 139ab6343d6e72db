"""Several processes that carry the traffic of one proxy: ``messages`` and ``sharing`` are pure, ``io`` runs them."""

"""Extension API servers, as the cluster's components know them: ``kubeaggregator`` asks the servers. Pure.

``apis``: the versions that they answer for, and what they offer; ``answers``: what controllers ask them.
"""

"""What the proxy counts and remembers of its traffic, whichever engine carries it. Pure.

``outcomes`` names how connections, flows and requests end; ``counters`` counts them, ``metrics`` writes the counters
for Prometheus, ``rates`` turns them into figures per second; ``recent`` keeps the last connections with their reasons.
"""

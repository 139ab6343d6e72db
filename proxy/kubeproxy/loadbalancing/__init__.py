"""Which endpoint a client gets: by its cookie, by session affinity, else by the algorithm of its Service.

``LoadBalancer`` chooses among the endpoints that a decision of the rules allows, and remembers between choices what
``routestates`` describes. ``algorithms`` makes the balancer of a Service; each balancer is a file of ``balancers``.
"""

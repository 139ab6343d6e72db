"""One running cluster: what it is started from, its components, and how they are composed.

In the order of a start:

    input                paths and objects to a Registry that holds every object, or to their faults
    machine              what the cluster takes of this machine: address ranges, routes, namespaces
    start                ``Start``: what a cluster is started from
    opening              clears what a crash has left, makes the process from which pods are forked, yields a ``Run``
    lifecycle            ``Run``: starts, serves and stops everything, in order
    components settings  the components, and each one's settings from the configuration
    api outside          the API server; the servers of externalHosts

While it runs:

    cluster              ``Cluster``, what others may ask of it
    control              what the command line asks it, on a Unix socket
    changes              documents that are applied: by `up --watch`, a second `up`, Python, and late ones of the start
    health eventwarnings readiness, problems and Warning events in sentences
    api.kubeconfig       the cluster's own, and the user's

``embedding`` is all of that as ``run_cluster``, for Python; ``kubesvc.terminal`` is the same for the command line.
"""

"""The controllers: they make the objects of the Store as the manifests want them, as kube-controller-manager does.

The nouns to know: ``Change`` (a write that a controller wants, as a value), ``Listers`` (the Store's objects, indexed)
and ``Controller``: a pure function from objects and the time to a list of changes. ``controllers`` lists all of them;
``io`` runs them on the event loop.

- ``workload``: Deployments, ReplicaSets, StatefulSets, DaemonSets; ``batch``: Jobs, CronJobs
- ``autoscaling``: HorizontalPodAutoscalers
- ``service``: endpoints, load balancers; ``volume``: claims and their volumes
- ``serviceaccount``, ``rbac``, ``quota``: identity, aggregated roles, what quotas have given
- ``customresources``: definitions; ``policy``: types of admission policies
- ``cleanup``: deletions that follow from others
"""

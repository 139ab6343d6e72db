"""What the objects of the API say: whatever is decided by a fact of an object reads it here. Pure.

A field that is optional may be absent or null in what a client sent: it reads as the API's default. The columns of
``kubectl get`` (``kubeapiserver.tables``) alone show the stored fields themselves. The readings:

``service``         ``read_service(obj) -> Service``, ``load_balancer_ingresses(obj)``, ``HEADLESS``
``endpointslice``   ``read_endpoint_slice(obj) -> EndpointSlice``, ``service_of_slice(obj)``, the labels of slices
``pod``             ``read_pod(obj) -> Pod``: phase, is_ready, is_finished, is_active, is_terminating, node_name, ips,
                    containers, init_containers, sidecars, container_statuses, qos_class, ...;
                    ``Pod.summary``: ready, total, status, restarts as ``kubectl get pods`` shows them
``container``       ``ContainerStatus``: waiting, running, terminated, reason, ...; ``end_reason(terminated)``
``qos``             ``qos_class(pod_spec)``
``node``            ``read_node(obj) -> Node``: is_ready, is_unschedulable, taints, addresses, allocatable, zone
``workload``        ``read_workload(obj) -> Workload``: replicas, selector, template, counts and progress of a
                    Deployment or ReplicaSet
``conditions``      ``find_condition``, ``is_condition_true``, ``with_condition``: of any object
``parts``           ``spec_of``, ``status_of``, ``map_at(obj, "spec", "affinity", ...)``, ``list_at(...)``: parts that
                    may be absent, for code that needs the JSON itself
"""

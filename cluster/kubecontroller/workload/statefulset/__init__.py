"""StatefulSets: pods with an identity and claims of their own (``pkg/controller/statefulset``). Pure."""

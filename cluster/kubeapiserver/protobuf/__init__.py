"""Bodies in protobuf, decoded to the JSON that Kubernetes would make of them. Pure."""

"""What a pod is and does, as pure state machines: its spec, its containers' states, its status."""

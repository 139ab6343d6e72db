"""Pods as local processes: Node objects, pod addresses, restarts, probes and logs.

The nouns: ``kubelet.Kubelet`` (all nodes), ``podworker.PodWorker`` (one pod), ``podlifecycle`` (its state machine),
``processes.ProcessRunner`` (processes that die with this one), ``zygote`` (from which they are forked). Nothing is
imported here: the zygote loads this package too, and every pod would carry it.
"""

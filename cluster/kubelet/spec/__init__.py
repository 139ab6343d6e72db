"""What the kubelet has others start, as plain values: processes, sandboxes, built-in servers. Pure.

Nothing is imported here: the zygote loads this package too, and every pod would carry it.
"""

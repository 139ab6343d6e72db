"""Processes: the zygote that forks them, their streams, logs and commands.

Nothing is imported here: the zygote loads this package too, and every pod would carry it.
"""

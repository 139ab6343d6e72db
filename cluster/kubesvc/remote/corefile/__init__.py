"""CoreDNS' Corefile: read, checked, and translated into the settings of ``kubesvc dns``.

- ``tokens``, ``grammar``: words, then server blocks with their plugins (coredns/caddy ``caddyfile``)
- ``notes``: the faults and warnings, each with its file and line
- ``names``, ``values``: zones, addresses, durations and numbers
- ``plugins``: one file a plugin, which reads its options; ``catalogue`` lists them, and those that are not served
- ``model``: what was read; ``reading.read_corefile`` is the whole
- ``composing``: the settings of the name server, or why there are none

Pure, but for what the caller's ``Files`` reads. Every fault is found in one reading, and nothing is half applied.
"""

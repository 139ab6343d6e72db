"""YAML as Kubernetes reads it, with the place of every value (go-yaml v2, sigs.k8s.io/yaml).

- ``parsing``: from a text to its documents and its faults in plain words, and back; all that knows PyYAML
- ``building``: values from the parser's events: keys, anchors, aliases, ``<<``
- ``scalars``: the value of a plain scalar
- ``brokentext``: explanations of what the parser refuses
"""

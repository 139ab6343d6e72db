"""The composition root: it knows every component, and nothing knows it.

The nouns to know: ``ClusterConfiguration`` (what the user may set), ``Cluster`` (every component, started and
stopped in order), ``StateDirectory`` (where a cluster of a name lives on disk) and the command line.
"""

__version__ = "0.1.0"

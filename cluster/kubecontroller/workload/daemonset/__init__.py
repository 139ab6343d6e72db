"""DaemonSets: a pod on every node that is one for it (``pkg/controller/daemon``). Pure."""

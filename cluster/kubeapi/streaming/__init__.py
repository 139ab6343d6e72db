"""The protocols of exec, attach and port-forward, as client and as server."""

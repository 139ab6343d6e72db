"""From kubeconfig files to the ``Access`` of a context: a server, and credentials for it (client-go ``clientcmd``)."""

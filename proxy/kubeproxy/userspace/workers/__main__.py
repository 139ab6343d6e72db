"""The command line of a worker process."""

from kubeproxy.userspace.workers.io.worker import main

main()

"""The command line: parses arguments, starts clusters, queries them and prints text.

``cli`` has the commands; ``arguments`` and ``completing`` what they share. `kubesvc up` goes through

    up               reads the manifests (``options``: its arguments), then takes one of two ways:
    running          the cluster runs already: applies to it
    foreground       it does not (``upstart``: what is to be started): takes the lock, prepares this process, and runs
    detach           the same in a child process, for --detach
    session          from the first line that is printed to the exit status; ``watch`` for --watch, ``console`` to print

``down`` ends a cluster, ``questions`` are the commands that query one. Text is made from JSON documents by ``printers``
(status), ``explanations``, ``traces``, ``connection_table`` and ``checklist`` (doctor), with ``colours`` and
``escaping``; ``logfile`` and ``clientfaults`` say what kubesvc.log has.
"""

"""The command line: parses arguments, starts clusters, queries them and prints text.

    cli         the commands; ``arguments`` and ``completing`` are what they share
    up          `kubesvc up`, from its options to its exit status; ``down`` ends a cluster
    questions   the commands that query a cluster; ``visiting``: shell and run
    bench       `kubesvc bench`
    remote      the commands that follow a real cluster
    text        JSON documents as text for people
    console     what goes to stdout and stderr, and exit statuses; ``logfile`` is the format of kubesvc.log

Nothing else of kubesvc imports this package: what it prints is decided elsewhere.
"""

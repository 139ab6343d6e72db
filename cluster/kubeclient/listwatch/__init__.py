"""Lists and watches (client-go ``tools/cache``, ``tools/pager``): what is asked and what comes is pure, ``io`` asks."""

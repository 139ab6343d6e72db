"""The load generator: open loop by a schedule, or closed loop, over HTTP/1.1, TCP, UDP and DNS.

It is a process of its own, so that nothing else that kubesvc does delays a request; what it saw comes back as rows
(``log``), and only ``measure`` says what they mean. The nouns to know: ``Plan`` (what to send, where and when),
``Exchange`` (how one request and its answer look), ``Rows``, and ``io.running.Load``.
"""

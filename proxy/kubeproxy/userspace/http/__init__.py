"""HTTP Services: TCP Service ports that balance requests, not connections.

Every request has its record among the recent connections, with the endpoint that was chosen and what failed before.
Requests of many clients share kept connections to an endpoint, so that the pod sees the proxy's address and finds the
client's in ``X-Forwarded-For``: for the client's own source address a Service port stays plain TCP.

Meant for ``appProtocol: http``. ``kubernetes.io/ws`` and ``kubernetes.io/wss`` are right as plain TCP, because a
WebSocket is one long connection; HTTP/2 (``kubernetes.io/h2c``, gRPC) is balanced per connection by plain TCP too.
Follows RFC 9110 and RFC 9112 as an intermediary; where they let a recipient be lenient, this one refuses.

    kubeproxy.http                   bytes -> what they mean, or why they are refused       pure
    requests                         how a conversation reads requests                      pure
    forwarding extralines answers    what is passed on, and what the proxy answers itself   pure
    retries exchange                 one request with its answer: framing, retry, reuse     pure
    pool config                      idle connections to endpoints; limits and times        pure
    io/conversation                  one client's connection: its events and its deadline
    io/delivery io/port              an exchange's way to an endpoint
    io/client io/upstream io/wire    sockets
    io/tunnel                        connections after an upgrade (WebSocket)
    io/front io/shared               all connections, and what they share
"""

#!/bin/sh
# Linux 6.18: a packet in a rule of nftables while that is replaced finds nothing in the rule's own map.
#
# A packet meets either all rules of before or all of now, in one chain. But the elements of a map that belongs to a rule
# go when the transaction takes effect, also for the packet that is in that rule already: it goes on as if it did not
# match. Where the rule translates the destination, the connection's first packet is not translated, and no later one is.
# kube-proxy writes `numgen random mod N vmap { ... }` anew at each change of a Service's endpoints. A rule behind it that
# needs no map serves such a packet, and a rule without a map has none of this.
#
# A client connects to 127.9.9.9:80, which nobody has, and is sent to port 8080, for 10 s, while the rule is replaced by
# one that says the same.
# Seen:
#   rule with a map:              clients are refused
#   with a rule without behind:   no client is refused
#   rules without a map:          no client is refused
set -eu
PATH=$PATH:/usr/sbin
if [ "${1:-}" != inside ]; then
    exec unshare -Urn "$0" inside
fi
ip link set lo up
lines=$(mktemp)
trap 'rm -f "$lines"; kill $server 2>/dev/null || true' EXIT
python3 -c '
import socket
server = socket.create_server(("127.0.0.1", 8080), backlog=4096)
while True:
    server.accept()[0].close()' >/dev/null &
server=$!
sleep 0.5

by_map='ip daddr 127.9.9.9 tcp dport 80 dnat ip addr . port to numgen random mod 2 map { 0 : 127.0.0.1 . 8080, 1 : 127.0.0.1 . 8080 }'
plain='ip daddr 127.9.9.9 tcp dport 80 dnat to 127.0.0.1:8080'

refused() { # RULE...: connections that are refused while these are replaced
    nft 'flush ruleset; add table ip t; add chain ip t c { type nat hook output priority -100; }'
    line='flush chain ip t c'
    for each in "$@"; do line="$line; add rule ip t c $each"; done
    nft "$line"
    seq 100000 | sed "s/.*/$line/" >"$lines"
    timeout 10 nft -i <"$lines" >/dev/null 2>&1 &
    python3 -c '
import socket, time
end, refused = time.monotonic() + 9.5, 0
while time.monotonic() < end:
    for _ in range(100):
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes((1, 0, 0, 0, 0, 0, 0, 0)))
            try:
                client.connect(("127.9.9.9", 80))
            except ConnectionRefusedError:
                refused += 1
print(refused)'
    wait $! || true
}
say() { if [ "$1" = 0 ]; then echo "no client is refused"; else echo "clients are refused"; fi; }

with=$(refused "$by_map") behind=$(refused "$by_map" "$plain") without=$(refused "$plain" "$plain")
echo "rule with a map:              $(say "$with")"
echo "with a rule without behind:   $(say "$behind")"
echo "rules without a map:          $(say "$without")"
[ "$with" != 0 ] && [ "$behind" = 0 ] && [ "$without" = 0 ]

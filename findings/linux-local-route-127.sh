#!/bin/sh
# Linux 6.18 (iproute2 6.1): which route to 127.244.0.5 counts depends on whether anybody has ever added an `ip rule`.
#
# Table local has 127.0.0.0/8 and is asked before table main, so a route of main for one of these addresses should do
# nothing. Yet it works: the two tables share one tree, in which the longest prefix wins, until the first rule separates
# them (net/ipv4/fib_frontend.c, fib_unmerge); from then on the same route is dead. Table local takes unicast routes
# too, and there one is good either way. So a pod's address is routed there, and the rest of 127.0.0.0/8 stays local.
#
# Seen (any user):
#   main table:                 answered
#   main table, after ip rule:  connection refused
#   table local, after ip rule: answered
#   127.0.0.9 is still local
set -eu
[ "${1:-}" = inside ] || exec unshare -Urn --kill-child --fork "$0" inside
PATH=$PATH:/usr/sbin
ip link set lo up
sysctl -qw net.ipv4.conf.all.route_localnet=1
unshare -n sleep 60 &
pod=$!
while [ "$(readlink /proc/$pod/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
ip link add veth0 type veth peer name eth0 netns $pod
ip addr add 127.244.0.1/32 dev lo scope global
ip link set veth0 up
nsenter -t $pod -n sh -c '
    ip link set lo up
    ip addr del 127.0.0.1/8 dev lo
    sysctl -qw net.ipv4.conf.all.route_localnet=1
    ip link set eth0 up
    ip addr add 127.244.0.5/32 dev eth0
    ip route add 127.244.0.1 dev eth0 scope link
    ip route add 127.0.0.0/8 via 127.244.0.1 dev eth0 src 127.244.0.5'
nsenter -t $pod -n python3 -c '
import socket
with socket.create_server(("127.244.0.5", 8080)) as server:
    while True:
        server.accept()[0].close()' &
ask() {
    python3 -c '
import socket, time
said = ""
for _ in range(20):
    try:
        socket.create_connection(("127.244.0.5", 8080), 1).close()
        said = "answered"
        break
    except OSError as error:
        said = error.strerror.lower()
        time.sleep(0.1)
print(said)'
}
ip route add 127.244.0.5/32 dev veth0 src 127.244.0.1
merged=$(ask)
echo "main table:                 $merged"
ip rule add fwmark 1 lookup 100
separate=$(ask)
echo "main table, after ip rule:  $separate"
ip route del 127.244.0.5/32 dev veth0
ip route add 127.244.0.5/32 dev veth0 src 127.244.0.1 table local
local=$(ask)
echo "table local, after ip rule: $local"
python3 -c '
import socket
socket.create_server(("127.0.0.9", 8080)).close()
print("127.0.0.9 is still local")'
[ "$merged, $separate, $local" = "answered, connection refused, answered" ]

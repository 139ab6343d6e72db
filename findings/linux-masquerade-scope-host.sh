#!/bin/sh
# Linux 6.18, nftables 1.0.6, iproute2 6.1: `masquerade` drops every packet if the address to take has scope host.
#
# iproute2 gives an address in 127.0.0.0/8 scope host unless it is told otherwise, and masquerade takes an address that
# may leave the machine (inet_select_addr with RT_SCOPE_UNIVERSE): it finds none and drops, without a counter or a word.
# `snat to` names the address and asks for no scope; an address that is added with `scope global` will do as well.
#
# Seen (any user):
#   scope host, masquerade:           timed out
#   scope host, snat to 127.244.0.1:  answered, to 127.244.0.1
#   scope global, masquerade:         answered, to 127.244.0.1
set -eu
[ "${1:-}" = inside ] || exec unshare -Urn --kill-child --fork "$0" inside
PATH=$PATH:/usr/sbin
ip link set lo up
sysctl -qw net.ipv4.conf.all.route_localnet=1
unshare -n sleep 60 &
pod=$!
while [ "$(readlink /proc/$pod/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
ip link add veth0 type veth peer name eth0 netns $pod
ip addr add 127.244.0.1/32 dev lo
ip link set veth0 up
ip route add 127.244.0.5/32 dev veth0 table local
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
        client, peer = server.accept()
        client.sendall(peer[0].encode())
        client.close()' &
sleep 1
nft -f - <<'NFT'
table ip nat {
    chain output { type nat hook output priority -100; ip daddr 127.96.0.10 tcp dport 80 dnat to 127.244.0.5:8080; }
    chain postrouting { type nat hook postrouting priority 100; }
}
NFT
try() {
    nft flush chain ip nat postrouting
    nft add rule ip nat postrouting ip daddr 127.244.0.5 "$@"
    python3 -c '
import socket
try:
    with socket.create_connection(("127.96.0.10", 80), 2) as client:
        print("answered, to", client.recv(64).decode())
except OSError as error:
    print(error)'
}
masqueraded=$(try masquerade)
echo "scope host, masquerade:           $masqueraded"
translated=$(try snat to 127.244.0.1)
echo "scope host, snat to 127.244.0.1:  $translated"
ip addr del 127.244.0.1/32 dev lo
ip addr add 127.244.0.1/32 dev lo scope global
global=$(try masquerade)
echo "scope global, masquerade:         $global"
[ "$masqueraded; $translated; $global" = "timed out; answered, to 127.244.0.1; answered, to 127.244.0.1" ]

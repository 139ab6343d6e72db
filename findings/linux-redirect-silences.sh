#!/bin/sh
# Linux 6.18 (nftables 1.0.6): a client that was sent an ICMP redirect is not told of a closed port for a second.
#
# The kernel limits ICMP errors to a client: six at once, then one a second (net.ipv4.icmp_ratelimit). A redirect, sent
# when a packet leaves by the link on which it came, begins with none of the six (ip_rt_send_redirect). A pod that reaches
# itself by way of its node, as with a Service that has it as its endpoint, gets one, and is then refused late: UDP hears
# nothing, TCP rejected by ICMP tries again after a second. `send_redirects=0` and `icmp_ratelimit=0` help.
#
# Seen (any user):
#   after a redirect: silence
#   a second later:   refused
set -eu
[ "${1:-}" = inside ] || exec unshare -Urn --kill-child --fork "$0" inside
PATH=$PATH:/usr/sbin
ip link set lo up
sysctl -qw net.ipv4.ip_forward=1
unshare -n sleep 60 &
pod=$!
while [ "$(readlink /proc/$pod/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
ip link add veth0 type veth peer name eth0 netns $pod
ip addr add 10.9.0.1/24 dev veth0
ip link set veth0 up
nft 'add table ip t
    add chain ip t prerouting { type nat hook prerouting priority dstnat; }
    add chain ip t postrouting { type nat hook postrouting priority srcnat; }
    add rule ip t prerouting ip daddr 10.96.0.20 dnat to 10.9.0.2
    add rule ip t postrouting ip daddr 10.9.0.2 snat to 10.9.0.1'
nsenter -t $pod -n sh -c '
    ip link set lo up
    ip link set eth0 up
    ip addr add 10.9.0.2/24 dev eth0
    ip route add default via 10.9.0.1'
exec nsenter -t $pod -n python3 -c '
import socket, time

def said():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.3)
        client.connect(("10.9.0.1", 9))
        client.send(b"?")
        try:
            client.recv(1)
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            return "silence"

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
    other.sendto(b"comes back by the link on which it left", ("10.96.0.20", 7))
after = said()
time.sleep(1.5)
later = said()
print(f"after a redirect: {after}\na second later:   {later}")
assert (after, later) == ("silence", "refused")
'

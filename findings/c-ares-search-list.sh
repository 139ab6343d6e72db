#!/bin/sh
# c-ares 1.34.9 (pycares 5.2.1; aiodns, gRPC, Envoy and Node's dns.resolve have c-ares too): a search list of /etc/resolv.conf
# is lost whole, without an error, if it has a tab between two domains or is longer than 511 characters.
#
# resolv.conf(5): the domains are separated by spaces or tabs, and the list is unlimited (glibc 2.26). c-ares splits it at
# spaces and commas, so "a.test<tab>b.test" is one domain, which is no name; and it reads the value of a line into 512
# bytes, and skips the line if that is not enough. The names that are left to try are those without a domain.
#
# Kubernetes lets a pod have 32 search domains of 2048 characters in all. A program with c-ares then finds no Service by
# its short name, beside others in the same pod that do. (musl's limit, of 256 bytes, is known.)
#
# Seen (glibc 2.36):
#   spaces:         glibc finds web, c-ares finds web
#   a tab:          glibc finds web, c-ares does not
#   511 characters: glibc finds web, c-ares finds web
#   512 characters: glibc finds web, c-ares does not
set -eu
case "${1:-}" in
inside) ;;
*)
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check pycares==5.2.1
    unshare -Urnm "$0" inside "$folder"
    exit
    ;;
esac
PATH=$PATH:/usr/sbin
ip link set lo up
touch "$2/resolv.conf"
mount --bind "$2/resolv.conf" /etc/resolv.conf
exec "$2/venv/bin/python" - <<'PYTHON'
import socket
import threading

import pycares

NAME = b"\3web\1b\4test\0"  # the only one that exists, as 192.0.2.1


def serve(server):
    while True:
        query, client = server.recvfrom(512)
        end = query.index(b"\0", 12) + 5
        exists = query[12:end] == NAME + b"\0\1\0\1"
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4" + socket.inet_aton("192.0.2.1")
        flags, count = (b"\x81\x80", b"\0\1") if exists else (b"\x81\x83", b"\0\0")
        server.sendto(query[:2] + flags + b"\0\1" + count + bytes(4) + query[12:end] + answer * exists, client)


def by_glibc():
    try:
        return socket.getaddrinfo("web", None, socket.AF_INET)[0][4][0]
    except socket.gaierror:
        return None


def by_cares():
    said, done = [], threading.Event()

    def keep(result, error):
        said.append(None if error else result.nodes[0].addr[0].decode())
        done.set()

    channel = pycares.Channel()
    channel.getaddrinfo("web", None, family=socket.AF_INET, callback=keep)
    done.wait(20)
    channel.close()
    return said[0]


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
threading.Thread(target=serve, args=[server], daemon=True).start()

long = " ".join(f"{'x' * 40}{number:02}.test" for number in range(10))
for name, search, expected in (
    ("spaces:", "a.test b.test", True),
    ("a tab:", "a.test\tb.test", False),
    ("511 characters:", f"{long} {'y' * (503 - len(long))} b.test", True),
    ("512 characters:", f"{long} {'y' * (504 - len(long))} b.test", False),
):
    with open("/etc/resolv.conf", "w") as file:
        file.write(f"nameserver 127.0.0.1\nsearch {search}\noptions ndots:5\n")
    assert name[0] != "5" or name == f"{len(search)} characters:"
    glibc, cares = by_glibc(), by_cares()
    print(f"{name:15} glibc {'finds web' if glibc else 'does not'}, c-ares {'finds web' if cares else 'does not'}")
    assert glibc == "192.0.2.1", "glibc has changed"
    assert (cares == "192.0.2.1") == expected, "c-ares has changed"
PYTHON

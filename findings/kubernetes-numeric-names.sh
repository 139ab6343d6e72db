#!/bin/sh
# Kubernetes v1.37.2 (apimachinery v0.37.2), Go 1.26, glibc 2.36, Node 20, Java 17: a Service may be called 10 since v1.36
# (KEP-5311), but programs do not find it by its name, each in its own way; and of a Service in the namespace 10, which
# has been allowed all along, URLs of web.10 are refused by some languages and not by others.
#
# The rule for names is RFC 1123's label, which may be digits only; RFC 1123 itself says that a whole name never is, so
# that it differs from an address. getaddrinfo(3) takes 10 and 0x1f for IPv4 addresses, as inet_aton(3) reads them. Go
# takes 10 for no name and asks nobody, and asks for 0x1f. The URL standard (Node, browsers) takes any host whose last
# label is a number for an IPv4 address, and refuses what is none; java.net.URI has no host if the last of several labels
# begins with a digit, and its HTTP client refuses the URL then. 10.default and web.10.svc are names to all of them.
#
# Seen:
#   name        Service or namespace  getaddrinfo  Go        Node          Java
#   10          may be called so      0.0.0.10     not asked 0.0.0.10      10
#   0x1f        may be called so      0.0.0.31     asked     0.0.0.31      0x1f
#   web.10      may be called so      asked        asked     refused       refused
#   web.10.svc  may be called so      asked        asked     web.10.svc    web.10.svc
set -eu
if [ "${1:-}" != inside ]; then
    folder=$(mktemp -d)
    trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
    script=$(realpath "$0")
    cd "$folder"
    cat > go.mod <<'MOD'
module finding
go 1.25
require k8s.io/apimachinery v0.37.2
MOD
    cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/api/validation"
)

func main() {
	for _, name := range os.Args[1:] {
		said := "may be called so"
		for _, label := range strings.Split(name, ".") {
			if len(validation.NameIsDNSLabel(label, false)) > 0 {
				said = "may not"
			}
		}
		asked := "not asked"
		resolver := net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			asked = "asked"
			return nil, net.ErrClosed
		}}
		resolver.LookupHost(context.Background(), name)
		fmt.Printf("%s %s|%s\n", name, said, asked)
	}
}
GO
    cat > Name.java <<'JAVA'
import java.net.URI;

class Name {
    public static void main(String[] names) {
        for (var name : names) {
            var host = URI.create("http://" + name + "/").getHost();
            System.out.println(name + " " + (host == null ? "refused" : host));
        }
    }
}
JAVA
    go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
    go build -o names .
    unshare -Urn "$script" inside "$folder"
    exit
fi
exec python3 - "$2" <<'PYTHON'
import socket
import subprocess
import sys

NAMES = ("10", "0x1f", "web.10", "web.10.svc")
NODE = """
for (const name of process.argv.slice(1)) {
  let host = "refused"
  try { host = new URL(`http://${name}/`).hostname } catch {}
  console.log(name, host)
}"""


def said(*command):
    lines = subprocess.run([*command, *NAMES], capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(line.split(" ", 1) for line in lines)


def by_getaddrinfo(name):
    try:
        return socket.getaddrinfo(name, None)[0][4][0]
    except socket.gaierror:  # there is no DNS server here
        return "asked"


go, node, java = said(f"{sys.argv[1]}/names"), said("node", "-e", NODE), said("java", f"{sys.argv[1]}/Name.java")
print("name        Service or namespace  getaddrinfo  Go        Node          Java")
seen = []
for name in NAMES:
    allowed, by_go = go[name].split("|")
    seen.append((allowed, by_getaddrinfo(name), by_go, node[name], java[name]))
    print("{:11} {:21} {:12} {:9} {:13} {}".format(name, *seen[-1]))
assert seen == [
    ("may be called so", "0.0.0.10", "not asked", "0.0.0.10", "10"),
    ("may be called so", "0.0.0.31", "asked", "0.0.0.31", "0x1f"),
    ("may be called so", "asked", "asked", "refused", "refused"),
    ("may be called so", "asked", "asked", "web.10.svc", "web.10.svc"),
], "something has changed"
PYTHON

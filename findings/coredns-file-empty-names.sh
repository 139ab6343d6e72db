#!/bin/sh
# CoreDNS v1.15.0, plugin file (and auto and secondary, which look up as it does): a wildcard answers for a name that
# exists, and an alias of a name without such data gets an answer that is not a negative one.
#
# - A name exists if there are names below it, and then no wildcard beside it counts for it (RFC 4592 section 2.2). With a
#   record at _acme-challenge.web there is web, without an address. Zone.Lookup asks whether such an empty name is between
#   the wildcard and the name in question, not whether it is that name. So one zone has two contents, if some of its
#   servers are of another make, and names are lost on the day on which CoreDNS is replaced.
# - If an alias's target exists without the type, the answer is CNAME and NS. There is no SOA, which an answer needs that
#   says "no such data" and may be kept (RFC 2308 section 5): AAAA for an alias of a name that has IPv4 alone.
#
# Seen (NSD 4.6.1 in brackets):
#   web.example. A: A, NS [SOA]
#   below.web.example. A: SOA [SOA]
#   alias.example. AAAA: CNAME, NS [CNAME, SOA]
set -eu
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
cat > go.mod <<'MOD'
module finding
go 1.25
require github.com/coredns/coredns v1.15.0
MOD
cat > zone.db <<'ZONE'
$ORIGIN example.
@ 60 IN SOA ns.example.net. h.example. 1 2 3 4 5
@ 60 IN NS ns.example.net.
* 60 IN A 192.0.2.1
_acme-challenge.web 60 IN TXT token
ipv4 60 IN A 192.0.2.2
alias 60 IN CNAME ipv4
ZONE
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/file"
	"github.com/miekg/dns"
)

func main() {
	dnsserver.Quiet, caddy.Quiet = true, true
	corefile := "example.:0 {\nbind 127.0.0.1\nfile zone.db\n}\n"
	server, err := caddy.Start(caddy.CaddyfileInput{Contents: []byte(corefile), Filepath: "Corefile", ServerTypeName: "dns"})
	if err != nil {
		panic(err)
	}
	defer server.Stop()
	address := server.Servers()[0].LocalAddr().String()
	changed := false
	for _, asked := range []struct {
		name     string
		kind     uint16
		expected string
	}{
		{"web.example.", dns.TypeA, "A, NS"},
		{"below.web.example.", dns.TypeA, "SOA"},
		{"alias.example.", dns.TypeAAAA, "CNAME, NS"},
	} {
		reply, err := dns.Exchange(new(dns.Msg).SetQuestion(asked.name, asked.kind), address)
		if err != nil {
			panic(err)
		}
		var kinds []string
		for _, record := range append(reply.Answer, reply.Ns...) {
			kinds = append(kinds, dns.TypeToString[record.Header().Rrtype])
		}
		said := strings.Join(kinds, ", ")
		fmt.Printf("%s %s: %s\n", asked.name, dns.TypeToString[asked.kind], said)
		changed = changed || said != asked.expected
	}
	if changed {
		fmt.Println("something has changed")
		os.Exit(1)
	}
}
GO
GOFLAGS=-mod=mod go mod tidy > log 2>&1 || { cat log; exit 1; }
go run .

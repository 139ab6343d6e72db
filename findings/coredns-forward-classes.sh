#!/bin/sh
# CoreDNS v1.15.0: whether a server block answers questions of another class than IN depends on a plugin that has no
# part in the answer. A zone of the file plugin is REFUSED to classes HS and ANY, for CoreDNS serves class IN; the same
# zone with `forward` behind it, which is not asked for its names, answers them with records of IN.
#
# Server blocks with forward, chaos or proxy are exempt from the check of the class (dnsserver.EnableChaos), so that
# CHAOS questions can be relayed; no later step looks at the class again. kubeadm's and most other Corefiles have
# forward, so a cluster's names resolve in every class.
#
# Seen:
#   file alone: IN NOERROR 1, HS REFUSED 0, ANY REFUSED 0
#   file and forward: IN NOERROR 1, HS NOERROR 1, ANY NOERROR 1
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
@ 60 IN SOA ns.example. h.example. 1 2 3 4 5
www 60 IN A 192.0.2.1
ZONE
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/file"
	_ "github.com/coredns/coredns/plugin/forward"
	"github.com/miekg/dns"
)

func main() {
	dnsserver.Quiet, caddy.Quiet = true, true
	said := ""
	for _, block := range []struct{ name, plugins string }{
		{"file alone", "file zone.db"},
		{"file and forward", "file zone.db\nforward . 127.0.0.1:9"},
	} {
		said += block.name + ": " + ask(block.plugins) + "\n"
	}
	fmt.Print(said)
	if said != "file alone: IN NOERROR 1, HS REFUSED 0, ANY REFUSED 0\n"+
		"file and forward: IN NOERROR 1, HS NOERROR 1, ANY NOERROR 1\n" {
		fmt.Println("the behaviour has changed")
		os.Exit(1)
	}
}

// ask serves example. with the plugins, and asks for www.example. in three classes.
func ask(plugins string) (said string) {
	text := fmt.Sprintf("example.:0 {\nbind 127.0.0.1\n%s\n}\n", plugins)
	server, err := caddy.Start(caddy.CaddyfileInput{Contents: []byte(text), Filepath: "Corefile", ServerTypeName: "dns"})
	if err != nil {
		panic(err)
	}
	defer server.Stop()
	address := server.Servers()[0].LocalAddr().String()
	for _, class := range []uint16{dns.ClassINET, dns.ClassHESIOD, dns.ClassANY} {
		question := new(dns.Msg).SetQuestion("www.example.", dns.TypeA)
		question.Question[0].Qclass = class
		reply, err := dns.Exchange(question, address)
		if err != nil {
			panic(err)
		}
		if said != "" {
			said += ", "
		}
		said += fmt.Sprintf("%s %s %d", dns.ClassToString[class], dns.RcodeToString[reply.Rcode], len(reply.Answer))
	}
	return said
}
GO
GOFLAGS=-mod=mod go mod tidy > log 2>&1 || { cat log; exit 1; }
go run .

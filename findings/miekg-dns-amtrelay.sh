#!/bin/sh
# github.com/miekg/dns v1.1.73 (CoreDNS v1.15.0 has it): a record AMTRELAY with the discovery bit is sent without its relay,
# and a message that has one cannot be read at all.
#
# RFC 8777 section 4.2: an octet has the bit D and, in seven bits, the type of the relay, an address or a name. The library
# keeps both in one number and writes and reads the relay by this number (packIPSECGateway of msg_helpers.go), so with D
# set it is of no type that has one. A zone file with such a record is loaded, printed well, and served without the
# relay; and a resolver, forwarder or secondary in Go fails on the answer of a server that does it right.
#
# Seen, without and with the bit:
#   10 0 1 203.0.113.15: RFC 8777 0a01cb00710f, written 0a01cb00710f, read: <nil>
#   10 1 1 203.0.113.15: RFC 8777 0a81cb00710f, written 0a81, read: dns: bad rdlength
set -eu
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
cat > go.mod <<'MOD'
module finding
go 1.25
require github.com/miekg/dns v1.1.73
MOD
cat > main.go <<'GO'
package main

import (
	"encoding/hex"
	"fmt"
	"os"

	"github.com/miekg/dns"
)

const head = 3 + 2 + 2 + 4 + 2 // octets before a record's data: the name x, type, class, TTL, length

func main() {
	said := ""
	for _, record := range []struct{ text, data string }{ // dnspython 2.9.2 writes these octets too
		{"10 0 1 203.0.113.15", "0a01cb00710f"},
		{"10 1 1 203.0.113.15", "0a81cb00710f"},
	} {
		parsed, err := dns.NewRR("x. 60 IN AMTRELAY " + record.text)
		if err != nil {
			panic(err)
		}
		written := make([]byte, 100)
		end, err := dns.PackRR(parsed, written, 0, nil, false)
		if err != nil {
			panic(err)
		}
		// An answer without a question: a header, and the record as RFC 8777 has it.
		answer, err := hex.DecodeString("000081800000000100000000" +
			"017800" + "0104" + "0001" + "0000003c" + "0006" + record.data)
		if err != nil {
			panic(err)
		}
		said += fmt.Sprintf("%s: RFC 8777 %s, written %x, read: %v\n",
			record.text, record.data, written[head:end], new(dns.Msg).Unpack(answer))
	}
	fmt.Print(said)
	if said != "10 0 1 203.0.113.15: RFC 8777 0a01cb00710f, written 0a01cb00710f, read: <nil>\n"+
		"10 1 1 203.0.113.15: RFC 8777 0a81cb00710f, written 0a81, read: dns: bad rdlength\n" {
		fmt.Println("something has changed")
		os.Exit(1)
	}
}
GO
go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
go run .

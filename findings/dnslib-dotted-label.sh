#!/bin/sh
# dnslib 0.9.26: a label that has a dot in it is printed without the escape, so the text names another domain.
#
# DNS-SD (RFC 6763 section 4.1.1) names services in plain text, "Build 2.0._http._tcp.local" with the first label
# "Build 2.0"; RFC 1035 section 5.1 writes that dot as "\.". dnslib keeps the label whole on the wire. `str()` and
# `toZone()` escape the blank (as \032) but print the dot bare, and reading that text back gives one label more.
#
# Seen:
#   wire: (b'Build 2.0', b'_http', b'_tcp', b'local')
#   text: Build\0322.0._http._tcp.local.
#   text read back: (b'Build 2', b'0', b'_http', b'_tcp', b'local')
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dnslib==0.9.26
"$folder/venv/bin/python" - <<'PYTHON'
from dnslib import DNSLabel, DNSQuestion, DNSRecord, QTYPE

sent = DNSRecord(q=DNSQuestion(DNSLabel([b"Build 2.0", b"_http", b"_tcp", b"local"]), QTYPE.SRV))
name = DNSRecord.parse(sent.pack()).q.qname
again = DNSLabel(str(name))
print("wire:", name.label)
print("text:", name)
print("text read back:", again.label)
assert name.label == (b"Build 2.0", b"_http", b"_tcp", b"local"), "dnslib has changed"
assert str(name) == r"Build\0322.0._http._tcp.local.", "dnslib has changed"
assert again.label == (b"Build 2", b"0", b"_http", b"_tcp", b"local"), "dnslib has changed"
PYTHON

#!/bin/sh
# dnslib 0.9.26: reading a zone file, SRV targets stay outside of $ORIGIN, and HTTPS targets are lost.
#
# RFC 1035 section 5.1: a name that does not end in a dot is relative to the origin. `RR.fromZone` does so for CNAME, NS,
# PTR, MX, SOA, NAPTR and RP. The target of SRV is taken as if it were absolute, and that of HTTPS becomes "." (which
# means the owner itself), both without an error. BIND's named-checkzone completes all of them.
#
# Seen ($ORIGIN zone.example., owner x, target y):
#   MX 10 y.zone.example.
#   SRV 0 5 80 y.
#   HTTPS 1 .
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dnslib==0.9.26
"$folder/venv/bin/python" - <<'PYTHON'
from dnslib import RR

WRITTEN = {
    "MX 10 y": "MX 10 y.zone.example.",
    "SRV 0 5 80 y": "SRV 0 5 80 y.",
    "HTTPS 1 y": "HTTPS 1 .",
}
for record, expected in WRITTEN.items():
    (read,) = RR.fromZone(f"$ORIGIN zone.example.\n$TTL 60\nx IN {record}\n")
    said = " ".join(read.toZone().split()[3:])
    print(said)
    assert said == expected, "dnslib has changed"
PYTHON

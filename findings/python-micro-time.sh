#!/bin/sh
# kubernetes 37.0.2, kubernetes_asyncio 36.1.0 and lightkube 1.0.1 (Python): one time in a million cannot be written into a
# Lease or an Event, "now" among them.
#
# renewTime, acquireTime and eventTime are MicroTime: Kubernetes (apimachinery v0.37.2) reads six digits of a second, no
# more and no fewer, and the schema says only "date-time". The libraries write a datetime with isoformat(), which leaves
# the fraction out if it is zero. So a leader that renews its Lease each two seconds is refused about once in 23 days,
# with 400 Bad Request, and a time that was rounded to seconds always. Times of type Time (creationTimestamp) are read
# with any fraction or none.
#
# Seen:
#   kubernetes 37.0.2 writes 2026-01-01T12:00:00.000001+00:00, 2026-01-01T12:00:00+00:00
#   kubernetes_asyncio 36.1.0 writes 2026-01-01T12:00:00.000001+00:00, 2026-01-01T12:00:00+00:00
#   lightkube 1.0.1 writes 2026-01-01T12:00:00.000001Z, 2026-01-01T12:00:00Z
#   Kubernetes reads 2026-01-01T12:00:00.000001+00:00: <nil>
#   Kubernetes reads 2026-01-01T12:00:00+00:00: parsing time ...: cannot parse "+00:00" as ".000000"
#   Kubernetes reads 2026-01-01T12:00:00.000001Z: <nil>
#   Kubernetes reads 2026-01-01T12:00:00Z: parsing time ...: cannot parse "Z" as ".000000"
set -eu
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
cat > go.mod <<'MOD'
module finding
go 1.25
require k8s.io/api v0.37.2
MOD
cat > main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"os"

	coordination "k8s.io/api/coordination/v1"
)

func main() {
	for _, time := range os.Args[1:] {
		var spec coordination.LeaseSpec
		fmt.Printf("%s: %v\n", time, json.Unmarshal([]byte(`{"renewTime": "`+time+`"}`), &spec))
	}
}
GO
go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
go build -o read .
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check kubernetes==37.0.2 kubernetes_asyncio==36.1.0 lightkube==1.0.1
venv/bin/python - <<'PYTHON'
import asyncio
import subprocess
from datetime import UTC, datetime

import kubernetes
import kubernetes_asyncio
from lightkube.models.coordination_v1 import LeaseSpec

TIMES = [datetime(2026, 1, 1, 12, microsecond=1, tzinfo=UTC), datetime(2026, 1, 1, 12, tzinfo=UTC)]


async def by_asyncio():
    async with kubernetes_asyncio.client.ApiClient() as client:
        specs = [kubernetes_asyncio.client.V1LeaseSpec(renew_time=time) for time in TIMES]
        return [client.sanitize_for_serialization(spec) for spec in specs]


client = kubernetes.client.ApiClient()
written = {
    "kubernetes 37.0.2": [
        client.sanitize_for_serialization(kubernetes.client.V1LeaseSpec(renew_time=time)) for time in TIMES
    ],
    "kubernetes_asyncio 36.1.0": asyncio.run(by_asyncio()),
    "lightkube 1.0.1": [LeaseSpec(renewTime=time).to_dict() for time in TIMES],
}
texts = {library: [spec["renewTime"] for spec in specs] for library, specs in written.items()}
for library, (with_fraction, without) in texts.items():
    print(f"{library} writes {with_fraction}, {without}")
read = dict.fromkeys(text for pair in texts.values() for text in pair)
for line in subprocess.run(["./read", *read], capture_output=True, text=True, check=True).stdout.splitlines():
    print("Kubernetes reads", line)
    text, _, said = line.partition(": ")
    read[text] = said
for with_fraction, without in texts.values():
    assert read[with_fraction] == "<nil>", "a fraction is not read any more"
    assert f'cannot parse "{without[19:]}" as ".000000"' in read[without], "something has changed"
PYTHON

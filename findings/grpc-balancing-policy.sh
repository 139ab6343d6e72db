#!/bin/sh
# gRPC, the balancing policy of a service config: @grpc/grpc-js 1.14.7 (Node 20) reads loadBalancingPolicy and does not
# heed it, and grpc-go 1.82.1 does not heed the value ROUND_ROBIN. No error says so: all calls go to one server.
#
# {"loadBalancingPolicy": "round_robin"} is what most texts on gRPC with headless Services tell clients to state. It is
# deprecated, but gRPC's service_config.proto has it count where loadBalancingConfig is not set; ROUND_ROBIN is its value
# there. grpc-js checks that it is a text, and nothing reads it after that (service-config.ts). grpc-go looks the name up
# in a registry that became case-sensitive, and takes pick_first for one that it does not know (service_config.go).
#
# Seen (two servers, 20 calls):
#   {"loadBalancingConfig":[{"round_robin":{}}]}: Node 10 10, Go 10 10, Python 10 10
#   {"loadBalancingPolicy":"round_robin"}: Node 20 0, Go 10 10, Python 10 10
#   {"loadBalancingPolicy":"ROUND_ROBIN"}: Node 20 0, Go 20 0, Python 10 10
set -eu
case "${1:-}" in
inside) ;;
*)
    script=$(realpath "$0")
    folder=$(mktemp -d)
    trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
    cd "$folder"
    npm install --silent --no-audit --no-fund @grpc/grpc-js@1.14.7
    python3 -m venv venv
    venv/bin/pip install --quiet --disable-pip-version-check grpcio==1.85.3
    cat > go.mod <<'MOD'
module finding
go 1.25
require google.golang.org/grpc v1.82.1
MOD
    cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
)

func main() {
	servers := manual.NewBuilderWithScheme("both")
	servers.InitialState(resolver.State{Addresses: []resolver.Address{{Addr: "127.0.0.2:50051"}, {Addr: "127.0.0.3:50051"}}})
	conn, err := grpc.NewClient("both:///web", grpc.WithResolvers(servers), grpc.WithDefaultServiceConfig(os.Args[1]),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	client := health.NewHealthClient(conn)
	call := func(calls map[int]int) {
		said, err := client.Check(context.Background(), &health.HealthCheckRequest{})
		if err != nil {
			panic(err)
		}
		calls[int(said.Status)]++
	}
	first, counted := map[int]int{}, map[int]int{}
	for n := 0; n < 2000 && len(first) < 2; n++ {
		call(first)
	}
	for range 20 {
		call(counted)
	}
	fmt.Println(max(counted[1], counted[2]), min(counted[1], counted[2]))
}
GO
    cat > client.py <<'PYTHON'
import sys
from collections import Counter

import grpc

with grpc.insecure_channel("ipv4:127.0.0.2:50051,127.0.0.3:50051", [("grpc.service_config", sys.argv[1])]) as channel:
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    first, counted = Counter(), Counter()
    while len(first) < 2 and first.total() < 2000:
        first[check(b"")] += 1
    for _ in range(20):
        counted[check(b"")] += 1
    print(max(counted.values()), 20 - max(counted.values()))
PYTHON
    go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
    go build -o client .
    unshare -Urn "$script" inside
    exit
    ;;
esac
PATH=$PATH:/usr/sbin
ip link set lo up
exec node - <<'JS'
const { promisify } = require('util')
const run = promisify(require('child_process').execFile)
const grpc = require('@grpc/grpc-js')

const CHECK = '/grpc.health.v1.Health/Check'
const same = bytes => bytes
const plain = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same }

function serve(address, status) {
  const server = new grpc.Server()
  server.addService({ Check: { path: CHECK, requestStream: false, responseStream: false, ...plain } },
    { Check: (call, answer) => answer(null, Buffer.from([8, status])) })  // HealthCheckResponse{status}
  return new Promise((done, failed) => server.bindAsync(`${address}:50051`, grpc.ServerCredentials.createInsecure(),
    error => error ? failed(error) : done()))
}

async function byNode(config) {
  const client = new grpc.Client('ipv4:127.0.0.2:50051,127.0.0.3:50051', grpc.credentials.createInsecure(),
    { 'grpc.service_config': config })
  const call = calls => new Promise((done, failed) => client.makeUnaryRequest(CHECK, same, same, Buffer.alloc(0),
    (error, said) => error ? failed(error) : done(calls[said[1]] = (calls[said[1]] || 0) + 1)))
  const first = {}, counted = { 1: 0, 2: 0 }
  for (let n = 0; n < 2000 && Object.keys(first).length < 2; n++) await call(first)
  for (let n = 0; n < 20; n++) await call(counted)
  client.close()
  return `${Math.max(counted[1], counted[2])} ${Math.min(counted[1], counted[2])}`
}

const by = (...command) => async config => (await run(command[0], [...command.slice(1), config])).stdout.trim()

async function main() {
  await serve('127.0.0.2', 1)
  await serve('127.0.0.3', 2)
  const clients = { Node: byNode, Go: by('./client'), Python: by('venv/bin/python', 'client.py') }
  const configs = [{ loadBalancingConfig: [{ round_robin: {} }] }, { loadBalancingPolicy: 'round_robin' },
    { loadBalancingPolicy: 'ROUND_ROBIN' }]
  const seen = []
  for (const config of configs.map(each => JSON.stringify(each))) {
    const calls = []
    for (const client of Object.values(clients)) calls.push(await client(config))
    seen.push(calls.join(', '))
    console.log(`${config}: ${Object.keys(clients).map((name, at) => `${name} ${calls[at]}`).join(', ')}`)
  }
  const expected = ['10 10, 10 10, 10 10', '20 0, 10 10, 10 10', '20 0, 20 0, 10 10']
  if (seen.join() !== expected.join()) throw new Error('something has changed')
  process.exit()
}

main().catch(error => { console.error(error); process.exit(1) })
JS

#!/bin/sh
# @grpc/grpc-js 1.14.7 (Node 20): a service config in DNS is looked for at the name of the server itself, and a short name
# is not completed. So what is published for gRPC in other languages has no effect, and no error says so.
#
# The config, such as the balancing policy, is a TXT record at _grpc_config.<name> (gRFC A2). grpc-go asks there, as do
# grpc-java and the C++ core if they are told to ask at all. grpc-js asks for TXT at <name>, unless told not to
# (resolver-dns.ts: `this.resolveTxt(hostname)`). And it finds addresses with getaddrinfo(3), which heeds the search list
# of /etc/resolv.conf, but the config with a query of c-ares, which does not: for a Service by its short name it asks
# for a name at the root. Its calls then stay on one connection, where those of Go are spread.
#
# Seen (two servers, round_robin in the config, which is at _grpc_config.web.default.svc.cluster.local; 20 calls):
#   grpc-go 1.82.1, dns:///web:50051: TXT asked: _grpc_config.web.default.svc.cluster.local; calls: 10 10
#   grpc-js 1.14.7, dns:///web:50051: TXT asked: web; calls: 20 0
#   grpc-js 1.14.7, dns:///web.default.svc.cluster.local:50051: TXT asked: web.default.svc.cluster.local; calls: 20 0
# and with the config at web.default.svc.cluster.local:
#   grpc-js 1.14.7, dns:///web.default.svc.cluster.local:50051: TXT asked: web.default.svc.cluster.local; calls: 10 10
set -eu
case "${1:-}" in
inside) ;;
*)
    script=$(realpath "$0")
    folder=$(mktemp -d)
    trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
    cd "$folder"
    npm install --silent --no-audit --no-fund @grpc/grpc-js@1.14.7 dns-packet@5.6.1
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
)

func main() {
	conn, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
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
    go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
    go build -o client .
    unshare -Urnm "$script" inside
    exit
    ;;
esac
PATH=$PATH:/usr/sbin
ip link set lo up
printf 'nameserver 127.0.0.1\nsearch default.svc.cluster.local\noptions ndots:5\n' > resolv.conf
mount --bind resolv.conf /etc/resolv.conf
exec node - <<'JS'
const dgram = require('dgram')
const { execFileSync, execFile } = require('child_process')
const grpc = require('@grpc/grpc-js')
const packet = require('dns-packet')

const WEB = 'web.default.svc.cluster.local'
const CONFIG = 'grpc_config=[{"serviceConfig": {"loadBalancingConfig": [{"round_robin": {}}]}}]'
const CHECK = '/grpc.health.v1.Health/Check'
const same = bytes => bytes
const plain = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same }

let configAt, asked
const dns = dgram.createSocket('udp4', (query, client) => {
  const { id, questions } = packet.decode(query)
  const [{ name, type }] = questions
  if (type === 'TXT') asked.add(name)
  let answers = []
  if (name === WEB && type === 'A') answers = ['127.0.0.2', '127.0.0.3'].map(data => ({ name, type, data, ttl: 5 }))
  if (name === configAt && type === 'TXT') answers = [{ name, type, data: [CONFIG], ttl: 5 }]
  const found = name === WEB || name === configAt
  const flags = packet.AUTHORITATIVE_ANSWER | packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | (found ? 0 : 3)
  dns.send(packet.encode({ id, type: 'response', flags, questions, answers }), client.port, client.address)
})

function serve(address, status) {
  const server = new grpc.Server()
  server.addService({ Check: { path: CHECK, requestStream: false, responseStream: false, ...plain } },
    { Check: (call, answer) => answer(null, Buffer.from([8, status])) })  // HealthCheckResponse{status}
  return new Promise((done, failed) => server.bindAsync(`${address}:50051`, grpc.ServerCredentials.createInsecure(),
    error => error ? failed(error) : done()))
}

async function byNode(target) {
  const client = new grpc.Client(target, grpc.credentials.createInsecure())
  const call = calls => new Promise((done, failed) => client.makeUnaryRequest(CHECK, same, same, Buffer.alloc(0),
    (error, said) => error ? failed(error) : done(calls[said[1]] = (calls[said[1]] || 0) + 1)))
  const first = {}, counted = { 1: 0, 2: 0 }
  for (let n = 0; n < 2000 && Object.keys(first).length < 2; n++) await call(first)
  for (let n = 0; n < 20; n++) await call(counted)
  client.close()
  return `${Math.max(counted[1], counted[2])} ${Math.min(counted[1], counted[2])}`
}

const byGo = target => new Promise((done, failed) => execFile('./client', [target],
  (error, out) => error ? failed(error) : done(out.trim())))

async function see(name, by, target, at, expected) {
  configAt = at
  asked = new Set()
  const calls = await by(target)
  const line = `TXT asked: ${[...asked].join(', ')}; calls: ${calls}`
  console.log(`${name}, ${target}: ${line}`)
  if (line !== expected) throw new Error('something has changed')
}

async function main() {
  await new Promise(done => dns.bind(53, '127.0.0.1', done))
  await serve('127.0.0.2', 1)
  await serve('127.0.0.3', 2)
  const published = `_grpc_config.${WEB}`
  await see('grpc-go 1.82.1', byGo, 'dns:///web:50051', published, `TXT asked: ${published}; calls: 10 10`)
  await see('grpc-js 1.14.7', byNode, 'dns:///web:50051', published, 'TXT asked: web; calls: 20 0')
  await see('grpc-js 1.14.7', byNode, `dns:///${WEB}:50051`, published, `TXT asked: ${WEB}; calls: 20 0`)
  await see('grpc-js 1.14.7', byNode, `dns:///${WEB}:50051`, WEB, `TXT asked: ${WEB}; calls: 10 10`)
  process.exit()
}

main().catch(error => { console.error(error); process.exit(1) })
JS

#!/bin/sh
# evanphx/json-patch v4.13.0 (what a Kubernetes API server v1.37.2 applies JSON merge patches with; v5.9.11 is the same):
# whether a list of a patch keeps what is null in its objects depends on what was there before.
#
# RFC 7386 replaces a list as it is. Here each object in it loses its members that are null, if nothing, a list or a
# scalar was there. If an object was there, the list is kept as it is. Nulls that are items of the list stay in either case.
#
# `kubectl patch --type=merge`, and what makes such patches of two objects (controllers, client.MergeFrom), cannot set a
# field to null in a list of a custom resource whose schema says "nullable", which a create or an update can.
#
# Seen, for the patch {"a":[{"b":null,"c":1},null]}:
#   {}: {"a":[{"c":1},null]}
#   {"a":[]}: {"a":[{"c":1},null]}
#   {"a":[{"b":null,"c":1},null]}: {"a":[{"c":1},null]}
#   {"a":{}}: {"a":[{"b":null,"c":1},null]}
set -eu
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
cat > go.mod <<'MOD'
module finding
go 1.22
require (
	github.com/evanphx/json-patch/v5 v5.9.11
	gopkg.in/evanphx/json-patch.v4 v4.13.0
)
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	v5 "github.com/evanphx/json-patch/v5"
	v4 "gopkg.in/evanphx/json-patch.v4"
)

const whole, pruned = `{"a":[{"b":null,"c":1},null]}`, `{"a":[{"c":1},null]}`

func main() {
	changed := false
	for _, each := range [][2]string{{`{}`, pruned}, {`{"a":[]}`, pruned}, {whole, pruned}, {`{"a":{}}`, whole}} {
		patched, err := v4.MergePatch([]byte(each[0]), []byte(whole))
		if err != nil {
			panic(err)
		}
		newer, err := v5.MergePatch([]byte(each[0]), []byte(whole))
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s: %s\n", each[0], patched)
		changed = changed || string(patched) != each[1] || string(newer) != each[1]
	}
	if changed {
		fmt.Println("json-patch has changed")
		os.Exit(1)
	}
}
GO
go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
go run .

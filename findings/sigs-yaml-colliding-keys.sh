#!/bin/sh
# sigs.k8s.io/yaml v1.6.0 (what kubectl reads manifests with): a mapping with the keys 1 and "1" becomes another object
# from run to run, and the strict reading, which refuses keys that are there twice, accepts it.
#
# To go-yaml the two keys differ, by their types; both become "1" when the value is made ready for JSON. That goes
# through the mapping in Go's random order, so now the one value wins and now the other. An expert expects the last one
# that is written to win, as between two keys "1", or an error.
#
# Seen (counts vary):
#   853 {"1":"number"}, 147 {"1":"text"}
#   strict: <nil>
set -eu
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
cat > go.mod <<'MOD'
module finding
go 1.22
require sigs.k8s.io/yaml v1.6.0
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"sigs.k8s.io/yaml"
)

func main() {
	text := []byte("{1: number, \"1\": text}")
	seen := map[string]int{}
	for range 1000 {
		out, err := yaml.YAMLToJSON(text)
		if err != nil {
			fmt.Println("refused:", err)
			os.Exit(1)
		}
		seen[string(out)]++
	}
	for each, times := range seen {
		fmt.Println(times, each)
	}
	_, err := yaml.YAMLToJSONStrict(text)
	fmt.Println("strict:", err)
	if len(seen) < 2 || err != nil {
		os.Exit(1)
	}
}
GO
go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
go run .

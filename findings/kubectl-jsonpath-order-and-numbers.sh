#!/bin/sh
# k8s.io/client-go v0.37.2 (`kubectl -o jsonpath` and custom-columns, v1.37.2): values of one object come in another order
# from run to run, 1 cannot be compared with 1.5, and a list that is shorter than a slice is an error.
#
# - `.*`, `[*]` and `..` walk through an object in the random order of Go's maps (evalWildcard, evalRecursive). kubectl
#   prints the same object with its keys sorted in YAML and JSON. A script that takes the first of {.data.*}, or compares
#   the text with yesterday's, or pairs {..name} with {..image}, works on most runs.
# - A number without a fraction is read as int64, another one as float64, and a filter compares one kind only. So if one
#   of many objects has 1 where others have 1.5, neither 0.5 nor 1 can be asked for, and nothing at all is printed.
# - RFC 9535 cuts a slice off at the ends of the list. Here [0:3] of two items is an error.
#
# Seen (counts vary):
#   {.data.*}: map[1 2 3:742 2 3 1:124 3 1 2:134]
#   {.items[?(@.weight>0.5)].weight} of 1.5 and 1: incompatible types for comparison
#   {.items[?(@.weight>1)].weight} of 1.5 and 1: incompatible types for comparison
#   {.items[0:3].weight} of 1.5 and 1: array index out of bounds: index 2, length 2
set -eu
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
cat > go.mod <<'MOD'
module finding
go 1.25
require (
	k8s.io/apimachinery v0.37.2
	k8s.io/client-go v0.37.2
)
MOD
cat > main.go <<'GO'
package main

import (
	"bytes"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/util/jsonpath"
)

const object = `{"data": {"a": "1", "b": "2", "c": "3"}, "items": [{"weight": 1.5}, {"weight": 1}]}`

func print(template string) string {
	var read any
	if err := json.Unmarshal([]byte(object), &read); err != nil { // as kubectl reads an answer
		panic(err)
	}
	path := jsonpath.New("output").AllowMissingKeys(true)
	if err := path.Parse(template); err != nil {
		panic(err)
	}
	var out bytes.Buffer
	if err := path.Execute(&out, read); err != nil {
		return err.Error()
	}
	return out.String()
}

func main() {
	orders := map[string]int{}
	for range 1000 {
		orders[print("{.data.*}")]++
	}
	fmt.Println("{.data.*}:", orders)
	changed := len(orders) < 2
	for _, try := range [][2]string{
		{"{.items[?(@.weight>0.5)].weight}", "incompatible types for comparison"},
		{"{.items[?(@.weight>1)].weight}", "incompatible types for comparison"},
		{"{.items[0:3].weight}", "array index out of bounds: index 2, length 2"},
	} {
		said := print(try[0])
		fmt.Println(try[0], "of 1.5 and 1:", said)
		changed = changed || said != try[1]
	}
	if changed {
		fmt.Println("something has changed")
		os.Exit(1)
	}
}
GO
go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
go run .

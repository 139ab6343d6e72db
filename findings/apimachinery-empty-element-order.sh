#!/bin/sh
# k8s.io/apimachinery v0.37.2: a strategic merge patch whose $setElementOrder list is empty turns the items around that
# it adds, and the same list for an empty list in the object is an error.
#
# $setElementOrder names the order that the client wants; items that it does not name should keep the order in which
# the patch, or the object, has them. normalizeSliceOrder sorts with a comparison that says "before" of every pair of
# which one item is not named, either way round, so Go's stable sort reverses such items. And what an empty list is
# ordered by is looked up in its first item, of which there is none.
#
# Seen:
#   two new ports, order []: [map[name:b port:81] map[name:a port:80]]
#   finalizers [] ordered by [a]: no elements in any of the given slices
set -eu
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
cat > go.mod <<'MOD'
module finding
go 1.25
require (
	k8s.io/api v0.37.2
	k8s.io/apimachinery v0.37.2
)
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

type object = map[string]any

func main() {
	a, b := object{"name": "a", "port": int64(80)}, object{"name": "b", "port": int64(81)}
	patch := object{"spec": object{"$setElementOrder/ports": []any{}, "ports": []any{a, b}}}
	merged, err := strategicpatch.StrategicMergeMapPatch(object{"spec": object{}}, patch, &v1.Service{})
	if err != nil {
		panic(err)
	}
	ports := fmt.Sprint(merged["spec"].(object)["ports"])
	fmt.Println("two new ports, order []:", ports)
	document := object{"metadata": object{"finalizers": []any{}}}
	patch = object{"metadata": object{"$setElementOrder/finalizers": []any{"a"}}}
	_, err = strategicpatch.StrategicMergeMapPatch(document, patch, &v1.Service{})
	fmt.Println("finalizers [] ordered by [a]:", err)
	if ports != "[map[name:b port:81] map[name:a port:80]]" || fmt.Sprint(err) != "no elements in any of the given slices" {
		fmt.Println("apimachinery has changed")
		os.Exit(1)
	}
}
GO
go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
go run .

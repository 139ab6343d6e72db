#!/bin/sh
# k8s.io/kubectl v0.37.2 (`kubectl get --sort-by`, v1.37.2): 9.1 comes before 10.0, 10.0 before 10.0.1, and 10.0.1 before 9.1.
#
# Two texts are compared as quantities if both can be read as quantities, and byte by byte if not (isLess of
# pkg/cmd/get/sorter.go), whatever the field is. So the rule depends on the pair, and a list goes in a circle that has both
# texts like numbers (10.0, 7, 1e3, 10k) and others: versions, names, tags, commits. The rows of such a list stay in the
# order in which the server sent them, or in any other, and no error is printed. Versions of
# two numbers alone are in the wrong order too: as quantities, 1.10 is equal to 1.1 and comes before 1.9.
#
# Seen (--sort-by={.metadata.labels.version}):
#   [9.1 10.0 10.0.1] is sorted: [9.1 10.0 10.0.1]
#   [10.0 10.0.1 9.1] is sorted: [10.0 10.0.1 9.1]
#   [10.0.1 9.1 10.0] is sorted: [10.0.1 9.1 10.0]
set -eu
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
cat > go.mod <<'MOD'
module finding
go 1.25
require (
	k8s.io/apimachinery v0.37.2
	k8s.io/kubectl v0.37.2
)
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/kubectl/pkg/cmd/get"
)

func main() {
	versions := []string{"9.1", "10.0", "10.0.1"}
	for first := range versions {
		sent := append(append([]string{}, versions[first:]...), versions[:first]...)
		var table metav1.Table
		for _, version := range sent {
			object := &unstructured.Unstructured{Object: map[string]any{}}
			object.SetLabels(map[string]string{"version": version})
			row := metav1.TableRow{}
			row.Object.Object = object
			table.Rows = append(table.Rows, row)
		}
		sorter, err := get.NewTableSorter(&table, "{.metadata.labels.version}")
		if err != nil {
			panic(err)
		}
		sorter.Sort()
		var sorted []string
		for _, row := range table.Rows {
			sorted = append(sorted, row.Object.Object.(*unstructured.Unstructured).GetLabels()["version"])
		}
		fmt.Println(sent, "is sorted:", sorted)
		if fmt.Sprint(sent) != fmt.Sprint(sorted) {
			fmt.Println("something has changed")
			os.Exit(1)
		}
	}
}
GO
go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
go run .

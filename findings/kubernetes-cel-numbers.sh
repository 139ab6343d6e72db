#!/bin/sh
# Kubernetes v1.37.2 (cel-go v0.29.2), the CEL of validation rules and admission policies: of two equal quantities one is
# an integer and the other is not, a precision is a width, and a duration as text is another one.
#
# - isInteger() is documented as false if the conversion overflows or loses precision. It asks Quantity.AsInt64, which
#   tells only what needs no arithmetic: 1000m and 1.0 are 1 and yet no integers, and so is a sum with either, whereas
#   0.001k is one. A rule on quantity(self.cpu).asInteger() is an error, by how the value was written.
# - `format` has %.<precision>e. It builds the pattern of Go's fmt without the dot, so there are always six digits, and
#   blanks before them from a precision of fourteen on. %.<precision>f is right.
# - string(duration) writes the seconds of a double: more digits than the duration has, or fewer than its nanoseconds.
#
# Seen:
#   quantity('1000m') == quantity('1'): true
#   quantity('1000m').isInteger(): false
#   quantity('1.0').isInteger(): false
#   quantity('0.001k').isInteger(): true
#   quantity('500m').add(quantity('500m')).isInteger(): false
#   '%.2e|%.18e'.format([1.5, 1.5]): 1.500000×10⁰⁰|     1.500000×10⁰⁰
#   string(duration('1.500001s')): 1.5000010000000001s
#   string(duration('152690353.876543211s')): 152690353.87654322s
set -eu
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
cat > go.mod <<'MOD'
module finding
go 1.25
require (
	github.com/google/cel-go v0.29.2
	k8s.io/apiserver v0.37.2
)
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
	"k8s.io/apiserver/pkg/cel/library"
)

func main() {
	// The version of the strings that Kubernetes takes (k8s.io/apiserver/pkg/cel/environment/base.go).
	environment, err := cel.NewEnv(ext.Strings(ext.StringsVersion(2)), library.Quantity())
	if err != nil {
		panic(err)
	}
	changed := false
	for _, each := range [][2]string{
		{"quantity('1000m') == quantity('1')", "true"},
		{"quantity('1000m').isInteger()", "false"},
		{"quantity('1.0').isInteger()", "false"},
		{"quantity('0.001k').isInteger()", "true"},
		{"quantity('500m').add(quantity('500m')).isInteger()", "false"},
		{"'%.2e|%.18e'.format([1.5, 1.5])", "1.500000×10⁰⁰|     1.500000×10⁰⁰"},
		{"string(duration('1.500001s'))", "1.5000010000000001s"},
		{"string(duration('152690353.876543211s'))", "152690353.87654322s"},
	} {
		tree, issues := environment.Compile(each[0])
		if issues.Err() != nil {
			panic(issues.Err())
		}
		program, err := environment.Program(tree)
		if err != nil {
			panic(err)
		}
		value, _, err := program.Eval(map[string]any{})
		if err != nil {
			panic(err)
		}
		said := fmt.Sprint(value.Value())
		fmt.Printf("%s: %s\n", each[0], said)
		changed = changed || said != each[1]
	}
	if changed {
		fmt.Println("CEL has changed")
		os.Exit(1)
	}
}
GO
go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
go run .

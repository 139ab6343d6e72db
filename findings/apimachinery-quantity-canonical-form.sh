#!/bin/sh
# k8s.io/apimachinery v0.37.2: a resource.Quantity is not always written in the canonical form that its documentation
# promises ("The sign will be omitted unless the number is negative", "No fractional digits will be emitted"), and a
# quantity of a thousand exa or more comes back as another number.
#
# ParseQuantity keeps the text of what looks canonical to it: a text whose exponent, less its fractional digits, is a
# multiple of three, and whose digits end in no three zeros. So +3, 05 and 1.234 stay as they are, whereas 0.5 is 500m.
# There is no suffix beyond E, and the canonical form leaves it out then: 1000E is written as 1.
#
# Seen:
#   "+3" "05" "1.234" "500m" "10k" "1"
set -eu
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
cat > go.mod <<'MOD'
module finding
go 1.25
require k8s.io/apimachinery v0.37.2
MOD
cat > main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

func main() {
	var written []string
	for _, text := range []string{"+3", "05", "1.234", "0.5", "10000", "1000E"} {
		out, err := json.Marshal(resource.MustParse(text))
		if err != nil {
			panic(err)
		}
		written = append(written, string(out))
	}
	seen := strings.Join(written, " ")
	fmt.Println(seen)
	if seen != `"+3" "05" "1.234" "500m" "10k" "1"` {
		fmt.Println("apimachinery has changed")
		os.Exit(1)
	}
}
GO
go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
go run .

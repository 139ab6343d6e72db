#!/bin/sh
# sigs.k8s.io/yaml v1.6.0 (`kubectl get -o kyaml`, v1.37.2 included): KYAML changes texts of several lines, and does not
# read some keys that it writes. The promise is a subset of YAML that is explicit and unambiguous, and that what
# `kubectl get -o kyaml` writes can be given back to kubectl.
#
# - A line of a text that begins with a space is written with a backslash before the space, to keep it. But the encoder
#   does so before whatever unicode.IsSpace says, and most of that is written as an escape itself. So CR becomes \\r,
#   which is a backslash and an r: in a file with the line ends of Windows, each empty line. The ideographic space
#   that opens a paragraph of Chinese or Japanese becomes the six characters \u3000, a no-break space \_.
# - A key is left without quotes if it cannot be taken for a number. Whether it can be is asked of strconv.ParseInt with
#   64 bits, one for the sign, so a longer hexadecimal number looks like a text. kubectl's own parser takes one of 64 bits
#   for a number, and refuses it as a key; PyYAML and js-yaml take any length for a number, such as a key of 0x and 40
#   digits, and give the object another key.
#
# Seen:
#   "a\r\n\r\nb\r\n": read back as "a\r\n\\r\nb\r\n"
#   "a\n\u3000b": read back as "a\n\\u3000b"
#   "a\n b": read back as "a\n b"
#   { 0xffffffffffffffff: 1, } error converting YAML to JSON: unsupported map key of type: uint64, ...
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
	"strings"

	"sigs.k8s.io/yaml"
	"sigs.k8s.io/yaml/kyaml"
)

func readBack(object map[string]any) (map[string]any, string, error) {
	encoder := &kyaml.Encoder{}
	text, err := encoder.Marshal(object)
	if err != nil {
		panic(err)
	}
	var read map[string]any
	err = yaml.Unmarshal(text, &read)
	return read, string(text), err
}

func main() {
	changed := false
	for _, each := range [][2]string{
		{"a\r\n\r\nb\r\n", "a\r\n\\r\nb\r\n"},
		{"a\n\u3000b", "a\n\\u3000b"},
		{"a\n b", "a\n b"},
	} {
		read, _, err := readBack(map[string]any{"text": each[0]})
		if err != nil {
			panic(err)
		}
		fmt.Printf("%+q: read back as %+q\n", each[0], read["text"])
		changed = changed || read["text"] != each[1]
	}
	_, text, err := readBack(map[string]any{"0xffffffffffffffff": 1})
	fmt.Println(strings.Join(strings.Fields(text), " "), err)
	if changed || err == nil || !strings.Contains(err.Error(), "unsupported map key of type: uint64") {
		fmt.Println("kyaml has changed")
		os.Exit(1)
	}
}
GO
go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
go run .

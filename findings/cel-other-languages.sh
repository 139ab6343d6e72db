#!/bin/sh
# CEL outside Go: cel-python 0.5.0, cel-js 0.8.2 and @marcbachmann/cel-js 8.0.0 (Node 20) answer short expressions otherwise
# than cel-go v0.29.2, which Kubernetes v1.37 has, and no error says so.
#
# A rule of a CustomResourceDefinition or an admission policy that is tried out with one of them can pass there and refuse
# everything in a cluster, or the reverse. By the language definition of CEL: a division of int truncates; int has 64 bits,
# uint is not negative; an index is not negative; "\x41" is an escape; bool as string is "true"; a regular expression has
# RE2's syntax, with its [[:classes:]]; of a duration as string (JSON's form) no part of a second is lost.
#
# Seen:
#   expression                                 cel-go  cel-python  cel-js   @marcbachmann
#   7 / 2 == 3                                 true    true        false    true
#   9007199254740993 == 9007199254740992       false   false       true     false
#   2u - 3u < 0u                               error   error       true     error
#   [1, 2, 3][-1] == 3                         error   true        error    error
#   'A' == '\x41'                              true    true        false    true
#   string(true) == 'true'                     true    false       error    true
#   string(2.0) == '2'                         true    false       error    true
#   string(duration('1500ms')) == '1.5s'       true    false       error    error
#   'a1'.matches('^[[:alpha:]][[:digit:]]$')   true    true        error    false
set -eu
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
cat > expressions <<'CEL'
7 / 2 == 3
9007199254740993 == 9007199254740992
2u - 3u < 0u
[1, 2, 3][-1] == 3
'A' == '\x41'
string(true) == 'true'
string(2.0) == '2'
string(duration('1500ms')) == '1.5s'
'a1'.matches('^[[:alpha:]][[:digit:]]$')
CEL
cat > go.mod <<'MOD'
module finding
go 1.25
require github.com/google/cel-go v0.29.2
MOD
cat > main.go <<'GO'
package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/google/cel-go/cel"
)

func main() {
	env, err := cel.NewEnv()
	if err != nil {
		panic(err)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		ast, issues := env.Compile(lines.Text())
		if issues.Err() != nil {
			panic(issues.Err())
		}
		program, err := env.Program(ast)
		if err != nil {
			panic(err)
		}
		if value, _, err := program.Eval(map[string]any{}); err != nil {
			fmt.Println("error")
		} else {
			fmt.Println(value.Value())
		}
	}
}
GO
cat > tried.py <<'PYTHON'
import sys

import celpy

env = celpy.Environment()
for line in sys.stdin:
    try:
        value = env.program(env.compile(line.rstrip("\n"))).evaluate({})
        print("true" if value else "false")
    except celpy.CELEvalError:
        print("error")
PYTHON
cat > tried.mjs <<'JS'
import { readFileSync } from 'node:fs'
const { evaluate } = await import(process.argv[2])
for (const line of readFileSync(0, 'utf8').trimEnd().split('\n')) {
  try { console.log(evaluate(line)) } catch { console.log('error') }
}
JS
go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check cel-python==0.5.0
npm install --silent --no-audit --no-fund cel-js@0.8.2 @marcbachmann/cel-js@8.0.0
go run . < expressions > by-go
venv/bin/python tried.py < expressions > by-python
node tried.mjs cel-js < expressions > by-js
node tried.mjs @marcbachmann/cel-js < expressions > by-marcbachmann
paste -d '|' expressions by-go by-python by-js by-marcbachmann > seen
awk -F '|' '
    BEGIN { printf "%-42s %-7s %-11s %-8s %s\n", "expression", "cel-go", "cel-python", "cel-js", "@marcbachmann" }
    { printf "%-42s %-7s %-11s %-8s %s\n", $1, $2, $3, $4, $5 }' seen
cut -d '|' -f 2- seen | tr '\n' ' ' > answers
[ "$(cat answers)" = "true|true|false|true false|false|true|false error|error|true|error error|true|error|error \
true|true|false|true true|false|error|true true|false|error|true true|false|error|error true|true|error|false " ] ||
    { echo "something has changed"; exit 1; }

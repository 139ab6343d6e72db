#!/bin/sh
# getent hosts NAME by the pod's hosts file and name server; everything else is the machine's own.
#include resolver.sh
#include address_of.sh
[ "$1" = hosts ] && [ $# = 2 ] && address=$(address_of "$2")
[ -n "$address" ] || exec @getent@ "$@"
printf '%-15s %s\n' "$address" "$2"

#!/bin/sh
# nc from the pod's own node; see from_node.sh.
#include from_node.sh
for word do
    case $word in
        -s*|-[!-]*l*|-l*) exec @nc@ "$@" ;;
        -*) continue ;;
    esac
    source=$(source_for "$word")
    [ -z "$source" ] || exec @nc@ -s "$source" "$@"
done
exec @nc@ "$@"

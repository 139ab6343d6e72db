#!/bin/sh
# curl from the pod's own node; see from_node.sh.
#include from_node.sh
for word do
    case $word in
        --interface*) exec @curl@ "$@" ;;
        -*) continue ;;
    esac
    host=${word#*://} host=${host%%[/?#]*} host=${host##*@} host=${host%%:*}
    source=$(source_for "$host")
    [ -z "$source" ] || exec @curl@ --interface "$source" "$@"
done
exec @curl@ "$@"

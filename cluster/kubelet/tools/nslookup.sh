#!/bin/sh
# nslookup at the pod's name server, unless another one is named.
#include resolver.sh
names=0
for word do
    case $word in
        -?*) ;;
        *) names=$((names + 1)) name=$word ;;
    esac
done
case $names in
    0) exec @nslookup@ -port=$server_port "$@" - "$server" ;;
    1) ;;
    *) exec @nslookup@ "$@" ;;
esac
for word do
    shift
    [ "$word" = "$name" ] || set -- "$@" "$word"
done
for each in $(candidates "$name"); do
    said=$(@nslookup@ -port=$server_port -nosearch "$@" "$each" "$server") && break
done
status=$?
printf '%s\n' "$said"
exit $status

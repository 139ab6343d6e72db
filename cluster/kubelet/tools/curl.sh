#!/bin/sh
# curl from the pod's address to the cluster's names: the host of each URL is looked up as the pod does.
#include resolver.sh
#include address_of.sh
case $POD_IP in *:*) source= ;; *) source=$POD_IP ;; esac
for word do
    case $word in
        --interface*) source= ;;
        *://\[*|\[*) source= ;;
    esac
    case $word in
        -*) continue ;;
        https://*) usual=443 ;;
        *) usual=80 ;;
    esac
    place=${word#*://} place=${place%%[/?#]*} place=${place##*@}
    host=${place%%:*} port=${place#"$host"} port=${port#:} port=${port:-$usual}
    case $host$port in *[!A-Za-z0-9.-]*) continue ;; esac
    case $port in *[!0-9]*) continue ;; esac
    address=$(address_of "$host")
    [ "$port" -lt 1024 ] && bound=$((port + @shift@)) || bound=$port
    [ -n "$address" ] && set -- "$@" --connect-to "$host:$port:$address:$bound"
done
exec @curl@ ${source:+--interface "$source"} "$@"

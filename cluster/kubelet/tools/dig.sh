#!/bin/sh
# dig from the pod's address at its name server, unless another one is named; +search goes by the pod's search list.
#include resolver.sh
named= option= name= is_searching=
for word do
    case $option in
        -q) name=$word option=; continue ;;
        -?) option=; continue ;;
    esac
    case $word in
        @127.*) named=$word ;;
        @*) exec @dig@ "$@" ;;
        -b*) POD_IP= ;;
        +search|+showsearch) is_searching=yes ;;
    esac
    case $word in
        -[bcfkpqtxy]) option=$word ;;
        [-+@]*) ;;
        *) name=${name:-$word} ;;
    esac
done
case $POD_IP in *:*) POD_IP= ;; esac
[ -n "$named" ] && exec @dig@ ${POD_IP:+-b "$POD_IP"} "$@"
case $server in 127.*) ;; *) POD_IP= ;; esac
if [ -n "$is_searching" ] && [ -n "$name" ]; then
    for each in $(candidates "$name"); do
        case $(@dig@ @"$server" -p $server_port +noall +comments +time=2 +tries=1 "$each") in
            *"status: NOERROR"*) break ;;
        esac
    done
    domain=${each#"$name"} domain=${domain#.}
    [ -n "$domain" ] && set -- "$@" +ndots=15 +domain="$domain" || set -- "$@" +nosearch
fi
exec @dig@ ${POD_IP:+-b "$POD_IP"} @"$server" -p $server_port "$@"

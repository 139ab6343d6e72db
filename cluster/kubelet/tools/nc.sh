#!/bin/sh
# nc from the pod's address to the cluster's names; one that listens is the machine's own.
#include resolver.sh
#include address_of.sh
for word do
    case $word in -[!-]*l*|-l*) exec @nc@ "$@" ;; esac
done
source=$POD_IP address= is_value= at=0 left=$#
while [ $left -gt 0 ]; do
    word=$1 left=$((left - 1))
    shift
    case $is_value$word in
        yes*) is_value= ;;
        -?*)
            flags=${word#-}
            while [ -n "$flags" ]; do
                rest=${flags#?} flag=${flags%"${flags#?}"}
                case $flag in s) source= ;; esac
                case $flag in
                    [eIiMmOPpqsTVWwXx]) [ -n "$rest" ] || is_value=yes; rest= ;;
                esac
                flags=$rest
            done ;;
        *)
            at=$((at + 1))
            case $at in 1) address=$(address_of "$word"); word=${address:-$word} ;; esac
            case $at$address$word in
                2127.*[!0-9.]*) ;;
                2127.*) [ "$word" -ge 1024 ] || word=$((word + @shift@)) ;;
            esac ;;
    esac
    set -- "$@" "$word"
done
case $address$source in 127.*127.*) ;; *) source= ;; esac
[ -z "$source" ] || @nc@ -h 2>&1 | grep -q -e -s || source= # busybox's has no such option
exec @nc@ ${source:+-s "$source"} "$@"

#!/bin/sh
# wget by the pod's curl, with the options of busybox's that people use.
file= left=$#
while [ $left -gt 0 ]; do
    word=$1 value= left=$((left - 1))
    shift
    case $word in
        -T|-t|-O|-[qS]O|--timeout|--tries|--header|--post-data|--output-document)
            value=$1 left=$((left - 1))
            shift ;;
        --*=*) value=${word#*=} ;;
        -[TtO]*) value=${word#-?} ;;
        -[qS]O*) value=${word#-?O} ;;
    esac
    case $word in
        -O*|-[qS]O*|--output-document*) file=$value ;;
        -T*|--timeout*) set -- "$@" --max-time "$value" ;;
        --header*) set -- "$@" -H "$value" ;;
        --post-data*) set -- "$@" -d "$value" ;;
        --spider) file=/dev/null; set -- "$@" -I ;;
        --no-check-certificate) set -- "$@" -k ;;
        -t*|--tries*|-q|-nv|--quiet) ;;
        -S) set -- "$@" -D /dev/stderr ;;
        -*) echo "wget: unrecognized option: $word" >&2; exit 1 ;;
        *) url=${word#*://}; set -- "$@" "$word" ;;
    esac
done
case $url in */?*) name=${url##*/} ;; *) name=index.html ;; esac
"${0%/*}/curl" -sSfL -o "${file:-$name}" "$@" || exit 1

# What the pod's resolv.conf says; a name server in 127.0.0.0/8 is at the port that the cluster's has.
server=@address@ search="${POD_NAMESPACE:-default}.svc."@domain@" svc."@domain@" "@domain@ ndots=5
if [ -r "$KUBESVC_ETC/resolv.conf" ]; then
    server= search= ndots=1
    while read -r word rest; do
        case $word in
            nameserver) server=${server:-$rest} ;;
            search) search=$rest ;;
            options)
                for each in $rest; do
                    case $each in ndots:*) ndots=${each#ndots:} ;; esac
                done ;;
        esac
    done < "$KUBESVC_ETC/resolv.conf"
fi
server=${server:-127.0.0.1} # the machine's own, as resolv.conf(5) has it
case $server in 127.*) server_port=@port@ ;; *) server_port=53 ;; esac

# The names that a name may stand for, in the order in which they are tried.
candidates() {
    case $1 in
        *.|*:*|*..*|.*|'') echo "$1"; return ;;
        *[!0-9.]*) ;;
        *) echo "$1"; return ;;
    esac
    dots=$(IFS=.; set -f; set -- $1; echo $(($# - 1)))
    [ "$dots" -lt "$ndots" ] || echo "$1"
    for each in $search; do
        each=${each%.}
        echo "$1${each:+.$each}"
    done
    [ "$dots" -ge "$ndots" ] || echo "$1"
}

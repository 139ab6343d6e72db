# The address of a name: from the hosts file, else the first in 127.0.0.0/8 that DNS has for it.
address_of() {
    case $1 in
        127.*.*.*) echo "$1"; return ;;
        *.|*..*|.*|localhost|'') return ;;
    esac
    if [ -r "$KUBESVC_ETC/hosts" ]; then
        while read -r address names; do
            case $address in *:*|'#'*) continue ;; esac
            for each in $names; do
                [ "$each" = "$1" ] && echo "$address" && return
            done
        done < "$KUBESVC_ETC/hosts"
    fi
    for name in $(candidates "$1"); do
        @dig@ @"$server" -p $server_port +short +time=2 +tries=1 "$name" | grep -m 1 '^127\.' && return
    done
}

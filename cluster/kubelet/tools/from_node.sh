# The address from which a connection to a host leaves a pod in the network that all nodes share: its own node's, where
# the kernel would take another node's, or the target's own; "" where the kernel's choice is right.
source_for() {
    case $1 in *[!A-Za-z0-9.-]*) return ;; *[!0-9]*) ;; *) return ;; esac
    set -- $(getent ahostsv4 "$1" | head -n 1)
    case $1 in 127.0.0.*|'') return ;; esac
    chosen=$(PATH=$PATH:/usr/sbin:/sbin ip -4 route get "$1" 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p')
    case " $1 "@nodes@" " in *" $chosen "*) echo "$POD_IP" ;; esac
}

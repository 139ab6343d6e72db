#!/bin/sh
# hostname as the pod has it, which shares the machine's own; that one is never changed.
case $*:$POD_IP in
    :*) echo "$HOSTNAME" ;;
    -s:*|--short:*) echo "${HOSTNAME%%.*}" ;;
    -i:*|--ip-address:*) echo "$POD_IP" ;;
    -I:*|--all-ip-addresses:*) echo "$POD_IPS" | tr , ' ' ;;
    -f:*|--fqdn:*|--long:*|-d:*|--domain:*)
        name=$HOSTNAME
        if [ -r "$KUBESVC_ETC/hosts" ]; then
            while read -r address first rest; do
                [ "$address" = "$POD_IP" ] && name=$first
            done < "$KUBESVC_ETC/hosts"
        fi
        case $1:$name in
            -f:*|--fqdn:*|--long:*) echo "$name" ;;
            *.*) echo "${name#*.}" ;;
        esac ;;
    -*) echo "hostname: kubesvc's knows -s, -i, -I, -f and -d, not '$*'" >&2; exit 1 ;;
    *) echo "hostname: you must be root to change the host name" >&2; exit 1 ;;
esac

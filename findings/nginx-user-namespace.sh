#!/bin/sh
# nginx 1.22.1 (Debian 12), Linux 6.18: as root of a user namespace with one id it logs [emerg] and serves all the same.
#
# Its workers call initgroups, which a namespace of an ordinary user refuses (setgroups is denied there, user_namespaces
# (7)). That is logged as [emerg], nginx' gravest level, yet nothing comes of it; a refused chown of its folders, setgid or
# setuid ends it. So `user root;`, or a name of /etc/passwd with the ids 0, serves, and any other user does not start.
#
# Seen (any user):
#   user root:           200; [emerg] initgroups(root, 0) failed (1: Operation not permitted)
#   user nobody nogroup: 000; [emerg] chown(".../a", 65534) failed (22: Invalid argument)
set -eu
[ "${1:-}" = inside ] || exec unshare -Urn --kill-child --fork "$0" inside
PATH=$PATH:/usr/sbin
ip link set lo up
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
try() {
    cat >"$folder/nginx.conf" <<CONF
daemon off; pid $folder/pid; error_log $folder/log; user $1;
events {}
http { access_log off; client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d;
    scgi_temp_path e; server { listen 127.0.0.1:80; return 200 ok; } }
CONF
    rm -rf "$folder"/log "$folder"/[a-e]
    nginx -p "$folder/" -c nginx.conf 2>"$folder/said" &
    master=$!
    sleep 1
    code=$(curl -s -m 2 -o /dev/null -w '%{http_code}' http://127.0.0.1/) || :
    kill $master 2>/dev/null || :
    wait $master || :
    echo "$code; $(sed -n 's/.*\(\[emerg\]\) [^ ]* \(.*\)/\1 \2/p' "$folder"/said "$folder"/log 2>/dev/null | head -1)"
}
root=$(try root)
echo "user root:           $root"
nobody=$(try "nobody nogroup")
echo "user nobody nogroup: $nobody"
case $root in 200*initgroups*) ;; *) exit 1 ;; esac
case $nobody in 000*) ;; *) exit 1 ;; esac

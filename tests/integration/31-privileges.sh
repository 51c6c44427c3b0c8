#!/usr/bin/env bash
# Started by root: relay and keys run as the configured account with a seccomp filter and without capabilities; relay
# has nothing of keys.db open, and keys no network socket.
. "$(dirname "$0")/lib.sh"
need_root
gateway_with_nodes "user = nobody"
reading=$(request coap-client-openssl "$kitchen_port" get temperature)
is_temperature "$reading" || fail "temperature: '$reading'"

status_of() { # PID FIELD
    awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/status"
}
for role in relay keys; do
    pid=$(process_of $role)
    for id in Uid Gid; do
        [ "$(status_of "$pid" $id)" != 0 ] || fail "$role runs as root ($id)"
    done
    grep -q '^Groups:[[:space:]]*$' "/proc/$pid/status" || fail "$role has supplementary groups"
    [ "$(status_of "$pid" CapEff)" = 0000000000000000 ] || fail "$role has capabilities"
    [ "$(status_of "$pid" CapPrm)" = 0000000000000000 ] || fail "$role may take capabilities"
    [ "$(status_of "$pid" NoNewPrivs)" = 1 ] || fail "$role may gain privileges"
    [ "$(status_of "$pid" Seccomp)" = 2 ] || fail "$role has no seccomp filter"
done

files_of() { # ROLE: what its descriptors are
    find "/proc/$(process_of "$1")/fd" -mindepth 1 -printf '%l\n'
}
files_of relay | grep >/dev/null relay.db || fail "relay does not even have its own database open: this test sees nothing"
files_of keys | grep >/dev/null keys.db || fail "keys does not even have its own database open: this test sees nothing"
files_of relay | grep -E 'keys\.db|storage\.key|admin' && fail "relay has something of keys open"
files_of keys | grep >/dev/null relay.db && fail "keys has the relay's database open"

# Sockets of the Internet families, by inode.
sockets_of() { # ROLE
    local inode
    for inode in $(files_of "$1" | sed -n 's/^socket:\[\(.*\)\]$/\1/p'); do
        awk -v inode="$inode" '$10 == inode { print FILENAME, $2 }' /proc/net/{udp,udp6,tcp,tcp6}
    done
}
[ "$(sockets_of relay | wc -l)" -ge 4 ] || fail "relay holds too few sockets: this test sees nothing"
[ -z "$(sockets_of keys)" ] || fail "keys hears the network: $(sockets_of keys)"

for file in "$work"/state/*; do
    [ "$(stat -c %a "$file")" = 600 ] || fail "$file has mode $(stat -c %a "$file")"
done
[ "$(stat -c %a "$work/admin.sock")" = 660 ] || fail "the admin socket has mode $(stat -c %a "$work/admin.sock")"
# Nobody's own socket answers nobody; another account is refused.
/usr/bin/setpriv --reuid=daemon --regid=daemon --clear-groups "$ssmctl" --socket "$work/admin.sock" status \
    >"$work/stranger.log" 2>&1 && fail "a stranger may use ssmctl"
[ -s "$work/stranger.log" ] || fail "the stranger is not told why"

#!/usr/bin/env bash
# Started by root: relay and keys run as the configured account with a seccomp filter and without capabilities; relay
# has nothing of keys.db open, and keys no network socket. The memory of keys is locked wherever that is possible without
# a bound, and in no core dump; a bound is logged.
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

# ---- memory ----

# PID: kB of its writable memory that are locked, and kB that are not (proc(5), smaps). Droppable pages (dp), which the C
# library's getrandom(3) has, are never swapped out.
writable_memory() {
    awk '$1 == "Size:" { size = $2 }
         $1 == "VmFlags:" && / wr / && !/ dp / { if (/ lo /) locked += size; else free += size }
         END { print locked + 0, free + 0 }' "/proc/$1/smaps"
}
nothing_is_locked() { # PID
    [[ "$(writable_memory "$1")" =~ ^0\ [1-9] ]]
}
all_is_locked() {
    [[ "$(writable_memory "$1")" =~ ^[1-9][0-9]*\ 0$ ]]
}
memory_of_keys_is_guarded() { # COMMAND...: whether all of it can be locked
    local keys limited="the limit of locked memory is finite"
    keys=$(process_of keys)
    if "$@"; then
        all_is_locked "$keys" || fail "memory of keys is not locked: $(writable_memory "$keys")"
        ! has "$work/ssmd.log" "$limited" || fail "keys complains of a limit that does not bind it"
    else
        nothing_is_locked "$keys" || fail "keys locked memory under a finite limit: $(writable_memory "$keys")"
        [ "$(grep -cF "$limited" "$work/ssmd.log")" = 1 ] || fail "keys does not say once that its memory is not locked"
    fi
    [ "$(cat "/proc/$keys/coredump_filter")" = 00000000 ] || fail "memory of keys may be dumped"
    nothing_is_locked "$(process_of relay)" || fail "memory of relay is locked"
    nothing_is_locked "$gateway_pid" || fail "memory of the parent is locked"
}
limit_can_be_raised() {
    (ulimit -l unlimited) 2>/dev/null
}
root_may_lock() { # CAP_IPC_LOCK, number 14: what it keeps where it does not change the account
    limit_can_be_raised || (((0x$(status_of self CapEff) >> 14) & 1))
}
memory_of_keys_is_guarded limit_can_be_raised

# ---- descriptors and files ----

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

# Whoever stays root keeps its privileges, that of locking memory among them.
gateway_stop
rm "$work/ssmd.log"
gateway_configure "state_dir = $work/state-of-root"
gateway_start
memory_of_keys_is_guarded root_may_lock

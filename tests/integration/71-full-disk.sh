#!/usr/bin/env bash
# A full disk, one that has become read-only, and a state directory that is gone: sessions go on, also over restarts;
# whatever would have to be kept is refused; the log says so once; all is well again when there is room.
[ -n "${SSM_MOUNTS:-}" ] || exec env SSM_MOUNTS=own unshare --mount "$0" "$@"
. "$(dirname "$0")/lib.sh"
need_root
trap 'status=$?; umount -l "$work/state" || true; finish $status' EXIT
mkdir -m 700 "$work/state"
mount -t tmpfs -o size=4m,mode=700 state "$work/state"
gateway_with_nodes "handover_timeout_s = 3"
s_client_start peer $kitchen_port

expect_refused() { # WHEN: a handshake fails at once, with an alert; nothing is registered
    local began=$SECONDS
    is_temperature "$(request coap-client-openssl "$bedroom_port" get temperature)" && fail "a new session $1"
    [ $((SECONDS - began)) -lt 15 ] || fail "a handshake is not refused but times out $1"
    ctl node add hall >/dev/null 2>"$work/ctl.log" && fail "a new node $1"
    has "$work/ctl.log" "the database refused; nothing was changed" || fail "ssmctl does not say why"
}

spares=0
expect_accepted() { # WHEN
    local reading
    await 70 "the nodes associate $1" node_is_associated bedroom # they try every 60 s at the latest
    await 70 "the nodes associate $1" node_is_associated kitchen
    reading=$(request coap-client-openssl "$bedroom_port" get temperature)
    is_temperature "$reading" || fail "no new session $1: '$reading'"
    ctl node add "spare-$((spares += 1))" >/dev/null
}

kill_both() {
    local role pid
    for role in keys relay; do
        pid=$(process_of $role)
        kill -KILL "$pid"
        await 20 "$role is restarted" is_restarted $role "$pid"
    done
}

restarts() {
    grep -cE "(relay|keys) (was ended|ended)" "$work/ssmd.log" || true
}

expect_relaying "before"
reading=$(request coap-client-openssl "$bedroom_port" get temperature)
is_temperature "$reading" || fail "no session before: '$reading'"

# ---- full ----

dd if=/dev/zero of="$work/state/fill" bs=4096 2>/dev/null || true
: >"$work/ssmd.log"
expect_relaying "with a full disk"
expect_refused "with a full disk"
log_says_once "keys.db: what is known goes on, but nothing is accepted that has to be kept: database or disk is full"
# A session that ends is forgotten by relay, though its row cannot be removed now.
before=$(sessions)
ctl session close kitchen 1 >/dev/null
await 20 "the session is closed" sessions_are $((before - 1))
s_client_start peer2 $kitchen_port # refused
sleep 1
[ "$(sessions)" = $((before - 1)) ] || fail "a session that is not durable"
log_says_once "relay.db: what is known goes on, but nothing is accepted that has to be kept: database or disk is full"
[ "$(restarts)" = 0 ] || fail "a process was restarted"
rm "$work/state/fill"
await 30 "the lost removal is made up for" has "$work/ssmd.log" "relay.db: can be written again"
expect_accepted "with room again"
log_says_once "keys.db: can be written again"
rows=$(cp "$work/state/"relay.db* "$work/" && /usr/bin/python3 -c "
import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM session WHERE handle = 1 AND node = 1').fetchone()[0])" "$work/relay.db")
[ "$rows" = 0 ] || fail "the closed session has still a row"

# Full, and both processes are killed, and the whole gateway is started anew.
s_client_start peer $kitchen_port
expect_relaying "of a new session"
dd if=/dev/zero of="$work/state/fill" bs=4096 2>/dev/null || true
kill_both
expect_relaying "of processes that were started with a full disk"
gateway_stop
gateway_start
expect_relaying "of a gateway that was started with a full disk"
: >"$work/ssmd.log"
rm "$work/state/fill"
expect_accepted "with room again after a restart"
[ "$(restarts)" = 0 ] || fail "a process was restarted"

# ---- read-only ----

for how in KILL TERM; do # after KILL, changes are in a file of their own, that cannot be carried over
    children=$(pgrep -P $gateway_pid)
    stop $gateway_pid $how || true
    for child in $children; do
        await 20 "child $child ends" is_gone "$child"
    done
    mount -o remount,ro "$work/state"
    : >"$work/ssmd.log"
    gateway_start
    expect_relaying "with read-only state ($how)"
    expect_refused "with read-only state"
    log_says_once "keys.db: cannot be written; what it holds goes on"
    kill_both
    expect_relaying "of processes that were started with read-only state"
    gateway_stop
    mount -o remount,rw "$work/state"
    gateway_start
    expect_accepted "with state that can be written"
    expect_relaying "with state that can be written"
done

# ---- gone ----

: >"$work/ssmd.log"
mkdir "$work/elsewhere"
mv "$work/state/"* "$work/elsewhere/"
expect_relaying "with the databases gone"
expect_refused "with the databases gone"
log_says_once "keys.db: was moved or removed while it is in use"
[ "$(restarts)" = 0 ] || fail "a process was restarted"

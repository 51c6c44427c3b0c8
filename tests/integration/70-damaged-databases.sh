#!/usr/bin/env bash
# Databases that are damaged, cut, empty or of a newer ssmd, at the start and while it runs: sessions go on without keys.db,
# which is left as it is; relay.db is moved aside; the log says what is wrong once; nothing is restarted in a loop.
. "$(dirname "$0")/lib.sh"
gateway_with_nodes
keys_db=$work/state/keys.db
relay_db=$work/state/relay.db
s_client_start peer $kitchen_port

killed() { # PID
    kill -KILL "$1"
    await 20 "process $1 ends" is_gone "$1"
}

damage() { # FILE: its first page becomes garbage
    dd if=/dev/urandom of="$1" bs=4096 count=1 conv=notrunc 2>/dev/null
}

# Starts ssmd although keys.db is of no use: sessions are relayed, and ssmctl gets no answer.
start_without_keys() {
    "$ssmd" --config "$work/ssmd.conf" --foreground </dev/null >>"$work/ssmd.log" 2>&1 9>&- &
    gateway_pid=$!
    started+=($gateway_pid)
}

fails_to_start() { # TEXT: ssmd ends by itself, and says why
    : >"$work/ssmd.log"
    timeout 10 "$ssmd" --config "$work/ssmd.conf" --foreground </dev/null >"$work/ssmd.log" 2>&1 9>&- && fail "ssmd ended well"
    log_says_once "$1"
    log_says_once "keys ended with status 1"
}

expect_relaying "before"
gateway_stop
cp "$keys_db" "$work/backup"
gateway_start
node_await kitchen

# keys.db is damaged, and keys is restarted: it cannot start. Sessions go on.
damage "$keys_db"
cp "$keys_db" "$work/damaged"
relay=$(process_of relay)
killed "$(process_of keys)"
await 20 "keys says why it cannot start" has "$work/ssmd.log" "$keys_db: is left as it is: restore a backup"
expect_relaying "without keys"
sleep 4 # several tries
expect_relaying "without keys, after several tries"
log_says_once "restore a backup"
log_says_once "keys ended with status 1"
[ "$(process_of relay)" = "$relay" ] || fail "relay was restarted"
cmp -s "$keys_db" "$work/damaged" || fail "the damaged keys.db was changed"

# relay is killed while keys is away: it comes back with its sessions.
killed "$relay"
expect_relaying "of another relay, without keys"

# The whole gateway is started like that.
gateway_stop || true
: >"$work/ssmd.log"
start_without_keys
expect_relaying "after a start without keys"
await 20 "the log says that keys is away" has "$work/ssmd.log" "keys cannot start: 1 sessions go on without it"
sleep 3
log_says_once "restore a backup"

# The backup is restored: keys comes back by itself, with all that it knew.
rm -f "$keys_db"*
cp "$work/backup" "$keys_db"
await 60 "keys is back" gateway_answers
node_await kitchen
expect_relaying "with keys again"
[ "$(query "len(d)" node list)" = 2 ] || fail "not all nodes are back"

# The same without a session: there is nothing to go on with, so ssmd ends and says why.
gateway_stop
cp -r "$work/state" "$work/state.good"
rm -f "$relay_db"
fresh_state() { # without sessions
    rm -rf "$work/state"
    cp -r "$work/state.good" "$work/state"
    rm -f "$relay_db"*
}
damage "$keys_db"
fails_to_start "restore a backup"
fresh_state
truncate -s 10000 "$keys_db"
fails_to_start "restore a backup"
fresh_state
truncate -s 0 "$keys_db"
fails_to_start "$keys_db: is empty, but its storage key"
fresh_state
rm "$keys_db"
fails_to_start "$keys_db: is empty, but its storage key"
fresh_state
/usr/bin/python3 -c "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version = 99')" "$keys_db"
fails_to_start "has schema version 99"

# relay.db of a newer ssmd is not touched.
fresh_state
cp "$work/state.good/relay.db" "$relay_db"
/usr/bin/python3 -c "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version = 99')" "$relay_db"
cp "$relay_db" "$work/newer"
timeout 10 "$ssmd" --config "$work/ssmd.conf" --foreground </dev/null >"$work/ssmd.log" 2>&1 9>&- && fail "ssmd ended well"
log_says_once "$relay_db: has schema version 99"
cmp -s "$relay_db" "$work/newer" || fail "a newer relay.db was changed"

# A damaged relay.db is moved aside: its session is lost, and so is where the node is, until it joins the next time. Then
# a new session is possible.
for how in "damage" "truncate -s 5000"; do
    rm -rf "$work/state"
    cp -r "$work/state.good" "$work/state"
    $how "$relay_db"
    cp "$relay_db" "$work/damaged"
    : >"$work/ssmd.log"
    gateway_start
    stop "$(node_pid kitchen)" || fail "the node did not end"
    node_start kitchen
    node_await kitchen
    log_says_once "it is kept as $relay_db.damaged-1"
    cmp -s "$relay_db.damaged-1" "$work/damaged" || fail "the damaged relay.db is not kept"
    sessions_are 0 || fail "there are sessions"
    reading=$(request coap-client-openssl "$kitchen_port" get temperature)
    is_temperature "$reading" || fail "no new session ($how): '$reading'"
    gateway_stop
done

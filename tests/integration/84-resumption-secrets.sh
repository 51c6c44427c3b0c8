#!/usr/bin/env bash
# With resumption on, the master secret of a session is in `keys` and in no other process, and no traffic key is anywhere;
# it is gone once the subscriber is removed, and once its time is over. In core dumps, with the true values from the peer.
. "$(dirname "$0")/../campaign/key-search/common.sh"
gateway_configure "resumption_s = 30"
gateway_start
node_add kitchen
subscriber_add alice $alice_key kitchen
subscriber_add bob $bob_key kitchen
kitchen_port=$(port_of kitchen)
node_start kitchen
node_await kitchen

session_as() { # SUBSCRIBER KEY: a session of it that carries data; `secrets` are those of it
    as=$1 key=$2 s_client_start "$1" "$kitchen_port" -keylogfile "$work/$1.keylog" -msg -msgfile "$work/$1.messages"
    send_get "$s_client_in" 1
    await 20 "the session of $1 carries data" has_reply "$work/$1.out" 1
    secrets=(--keylog "$work/$1.keylog" --messages "$work/$1.messages" --psk "$(psk_hex "$2")"
        --node-psk "$(cat "$work/kitchen.key")")
}

kept_are() { # COUNT
    [ "$(query "d['resumption']['master_secrets']" status)" = "$1" ]
}

in_keys_alone() { # MOMENT
    local role
    dump "$1"
    [ "$(search "$1" keys master)" = master-secret ] || fail "keys does not hold the master secret: nothing is proved"
    for role in $(roles); do
        nowhere "$1" "$role" traffic-keys premaster
        [ "$role" = keys ] || nowhere "$1" "$role" master
    done
}

nowhere_at_all() { # MOMENT
    local role
    dump "$1"
    for role in $(roles); do
        nowhere "$1" "$role" traffic-keys master premaster
    done
}

session_as alice $alice_key
kept_are 1 || fail "no session is kept"
in_keys_alone alice
kept_are 1 || fail "it went by itself: nothing is proved"
ctl subscriber remove alice >/dev/null
kept_are 0 || fail "the session of a removed subscriber is kept"
nowhere_at_all removed

session_as bob $bob_key
kept_are 1 || fail "no session is kept"
in_keys_alone bob
await 60 "its time is over" kept_are 0
nowhere_at_all expired
send_get "$s_client_in" 2
await 20 "the session itself lives on" has_reply "$work/bob.out" 2

#!/usr/bin/env bash
# Sessions end from every side: the peer's close_notify, ssmctl, and the idle time-out. The row goes, the slot is free.
. "$(dirname "$0")/lib.sh"
node_has_no_sessions() {
    [ "$(query "d['sessions']" node show kitchen)" = 0 ]
}

gateway_with_nodes "idle_timeout_s = 10"

# s_client sends close_notify when its input ends (without -quiet, which would wait for ever).
(sleep 1) | timeout 10 openssl s_client -dtls1_2 -connect "127.0.0.1:$kitchen_port" -psk "$(psk_hex $alice_key)" \
    -psk_identity alice -cipher $suite_openssl -nbio >"$work/leaving.log" 2>&1 &
leaving=$!
await 20 "a session" sessions_are 1
wait $leaving
await 20 "the peer's close_notify ends the session" sessions_are 0
await 20 "the node's slot is free" node_has_no_sessions
echo "ok: close_notify of the peer"

for client in s_client gnutls-cli; do
    case $client in
    s_client) s_client_start $client $kitchen_port && pid=$s_client_pid && input=$s_client_in ;;
    gnutls-cli) gnutls_start $client $kitchen_port && pid=$gnutls_pid && input=$gnutls_in ;;
    esac
    send_get "$input" 1
    await 20 "$client is served" has_reply "$work/$client.out" 1
    handle=$(query "d[0]['handle']" session list)
    ctl session close kitchen "$handle" >/dev/null
    await 20 "$client is told" is_gone $pid
    wait $pid || fail "$client took it for an error"
    await 20 "the session is gone" sessions_are 0
    await 20 "the node's slot is free" node_has_no_sessions
    echo "ok: ssmctl session close, $client"
done
has "$work/gnutls-cli.log" "Peer has closed" || fail "gnutls-cli saw no close_notify"

s_client_start idle $kitchen_port
send_get "$s_client_in" 1
await 20 "a reply" has_reply "$work/idle.out" 1
await 15 "the idle time-out ends the session" sessions_are 0
await 20 "the idle peer is told" is_gone $s_client_pid
[ "$(counter relay sessions_opened)" = "$(counter relay sessions_closed)" ] || fail "opened and closed differ"

#!/usr/bin/env bash
# rehandshake.sh CLIENT [CREDENTIAL]: a client that comes again from the port that it had before (RFC 6347 4.2.8) is
# served: after it died without a word, and after it had closed. To the gateway all are one 5-tuple, by the proxy's
# doing.
. "$(dirname "$0")/../integration/lib.sh"
client=$1
gateway_with_nodes
use_credential "${2:-psk}"
proxy_program=dtls_proxy.py proxy_start peer $proxy_port $kitchen_port --one-source

handle() {
    query "d[0]['handle']" session list
}

# The first one dies in the middle of an observation.
case $client in
coap-client-*) client_options="-s 20 -w" ;;
*) client_options="--observe 10" ;;
esac
request "$client" $proxy_port get humidity >"$work/first" &
first=$!
started+=($first)
await 20 "the first is served" has "$work/first" .
first_handle=$(handle)
# All that "timeout" started is one process group.
kill -s KILL -- "-$(pgrep -P $first timeout)"
wait $first || true
client_options=

reading=$(request "$client" $proxy_port get temperature)
is_temperature "$reading" || fail "after the death of the first: '$reading'"
[ "$(counter keys handshakes_done)" = 2 ] || fail "no second handshake"
! query "[s['handle'] for s in d]" session list | grep >/dev/null -w "$first_handle" || fail "the first session is left"
echo "ok: died and came again"

# This one takes its leave.
close_properly() {
    case $client in
    coap-client-*) request "$client" $proxy_port get temperature >/dev/null ;;
    *)
        [ "$client" != s_client ] || client_options=--client-option=-no_ign_eof
        client_start leaving "$client" $proxy_port
        send_get "$client_in" 1
        await 20 "the leaving one is served" has_reply "$work/leaving.out" 1
        exec {client_in}>&-
        wait $client_pid
        client_options=
        ;;
    esac
}
close_properly
await 20 "the session is closed" sessions_are 0
reading=$(request "$client" $proxy_port get temperature)
is_temperature "$reading" || fail "after a close: '$reading'"
echo "ok: closed and came again"

#!/usr/bin/env bash
# packed.sh CLIENT [CREDENTIAL]: several records share a datagram (RFC 6347 4.1.1), in the handshake and after it; each
# is served.
. "$(dirname "$0")/../integration/lib.sh"
client=$1
gateway_with_nodes
use_credential "${2:-psk}"
proxy_program=dtls_proxy.py proxy_start peer $proxy_port $kitchen_port --pack up

client_start peer "$client" $proxy_port
send_get "$client_in" 1
await 20 "reply 1" has_reply "$work/peer.out" 1
for number in 2 3; do
    send_get "$client_in" $number
    sleep 0.01 # or the client reads both at once, and makes one record of them
done
for number in 2 3; do
    await 20 "reply $number" has_reply "$work/peer.out" $number
done
# Content type 23, DTLS 1.2, epoch 1.
grep '^sent up' "$work/peer.datagrams" | grep >/dev/null -E '17fefd0001.*17fefd0001' ||
    fail "no two records shared a datagram"
sessions_are 1 || fail "$(sessions) sessions"

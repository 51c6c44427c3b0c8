#!/usr/bin/env bash
# fragments.sh CLIENT [CREDENTIAL]: the client's handshake messages arrive in odd pieces, which RFC 6347 4.2.3 allows:
# of one byte, overlapping, out of order, repeated. The handshake does not notice.
. "$(dirname "$0")/../integration/lib.sh"
client=$1
gateway_with_nodes
use_credential "${2:-psk}"

for mode in bytes overlapping reordered repeated; do
    proxy_program=dtls_proxy.py proxy_start $mode $proxy_port $kitchen_port --fragments $mode
    reading=$(request "$client" $proxy_port get temperature)
    is_temperature "$reading" || fail "$mode: '$reading'"
    pieces=$(grep '^sent up' "$work/$mode.datagrams" | grep -o 16fefd0000 | wc -l)
    [ "$pieces" -ge 5 ] || fail "$mode: only $pieces handshake records"
    stop $proxy_pid
    echo "ok: $mode, $pieces handshake records"
done
[ "$(counter keys handshakes_done)" = 4 ] || fail "not four hand-overs"

#!/usr/bin/env bash
# CoAP without DTLS gets no answer on a node's port nor on the shared one, nor does it reach a node.
. "$(dirname "$0")/lib.sh"
proxy_start link $proxy_port $link_port
node_link=$proxy_port
gateway_with_nodes

need coap-client-openssl libcoap3-bin
for port in $kitchen_port $shared_port; do
    dropped=$(query "d['relay']['drop_peer_malformed'] + d['relay']['drop_peer_unknown']" status)
    answer=$(timeout 10 coap-client-openssl -B 2 -m get "coap://127.0.0.1:$port/temperature" 2>"$work/client.log")
    [ -z "$answer" ] || fail "port $port answers plain CoAP: '$answer'"
    [ "$(query "d['relay']['drop_peer_malformed'] + d['relay']['drop_peer_unknown']" status)" -gt "$dropped" ] ||
        fail "plain CoAP on port $port is not counted"
done
# Relayed records have kind 3 in the top three bits of their first byte (common/PROTOCOL.md).
grep -q "^down kept [67]" "$work/link.datagrams" && fail "a record crossed the node's link"
request coap-client-openssl "$kitchen_port" get temperature >/dev/null
grep -q "^down kept [67]" "$work/link.datagrams" || fail "with DTLS none crossed either: this test sees nothing"

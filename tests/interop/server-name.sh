#!/usr/bin/env bash
# server-name.sh CLIENT [CREDENTIAL]: on the shared port the name that a client asks for (SNI, RFC 6066 3) says which node
# is meant; a name that nobody has is answered with unrecognized_name.
. "$(dirname "$0")/../integration/lib.sh"
client=$1
case $client in
coap-client-*) # asks for what stands in the URI, which has to lead here: three ways to write 127.0.0.1
    names=(2130706433 0x7f000001 017700000001)
    client_options="-B 4"
    ;;
*)
    names=(attic.gateway cellar.gateway nowhere.example.org)
    client_options="--timeout 4"
    ;;
esac
attic=${names[0]%.gateway}
cellar=${names[1]%.gateway}

gateway_configure
gateway_start
for node in "$attic" "$cellar"; do
    node_add "$node"
    node_start "$node"
done
subscriber_add alice $alice_key "$attic" "$cellar"
use_credential "${2:-psk}" "$attic" "$cellar"
node_await "$attic"
node_await "$cellar"

ask() { # NAME PORT METHOD PATH [PAYLOAD]
    case $client in
    coap-client-*) host=$1 request "$client" "${@:2}" ;;
    *) server_name=$1 request "$client" "${@:2}" ;;
    esac
}

ask "${names[1]}" $shared_port put light 1 >/dev/null
[ "$(ask "${names[1]}" $shared_port get light)" = 1 ] || fail "the cellar's light is not on"
[ "$(ask "${names[0]}" $shared_port get light)" = 0 ] || fail "the attic's light is on"

proxy_start unknown $proxy_port $shared_port
! is_temperature "$(ask "${names[2]}" $proxy_port get temperature)" || fail "served under a name that nobody has"
# Content type 21, DTLS 1.2, epoch 0; fatal, 112.
grep >/dev/null -E '^down kept 15fefd0000.{16}0270$' "$work/unknown.datagrams" || fail "no alert unrecognized_name"

#!/usr/bin/env bash
# long-token.sh CLIENT [CREDENTIAL]: the longest token of RFC 7252, eight bytes, comes back.
. "$(dirname "$0")/../integration/lib.sh"
client=$1
gateway_with_nodes
use_credential "${2:-psk}"

case $client in
coap-client-*) option="-T tokentok" ;;
*) option="--token 746f6b656e746f6b" ;;
esac
reading=$(client_options=$option request "$client" $kitchen_port get temperature)
is_temperature "$reading" || fail "temperature: '$reading'"

#!/usr/bin/env bash
# shared-port.sh CLIENT [CREDENTIAL]: on the shared port the identity says which node is meant.
. "$(dirname "$0")/../integration/lib.sh"
client=$1
gateway_with_nodes
case ${2:-psk} in
psk) as=bob key=$bob_key ;;
*) use_credential "$2" bedroom ;;
esac

request "$client" $shared_port put light 1 >/dev/null

as=alice key=$alice_key cert=
[ "$(request s_client $bedroom_port get light)" = 1 ] || fail "the request did not reach the bedroom"
[ "$(request s_client $kitchen_port get light)" = 0 ] || fail "it reached the kitchen"

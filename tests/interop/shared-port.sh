#!/usr/bin/env bash
# shared-port.sh CLIENT: on the shared port the identity says which node is meant.
. "$(dirname "$0")/../integration/lib.sh"
client=$1
gateway_with_nodes

as=bob key=$bob_key request "$client" $shared_port put light 1 >/dev/null
[ "$(request "$client" $bedroom_port get light)" = 1 ] || fail "bob did not reach the bedroom"
[ "$(request "$client" $kitchen_port get light)" = 0 ] || fail "bob reached the kitchen"

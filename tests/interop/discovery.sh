#!/usr/bin/env bash
# discovery.sh CLIENT [CREDENTIAL]: .well-known/core, which is longer than a frame, is put together from its blocks (RFC
# 7959).
. "$(dirname "$0")/../integration/lib.sh"
client=$1
gateway_with_nodes
use_credential "${2:-psk}"

links=$(request "$client" $kitchen_port get .well-known/core)
for resource in temperature humidity light; do
    case $links in
    *"</$resource>"*) ;;
    *) fail "no $resource in '$links'" ;;
    esac
done
[ ${#links} -gt 64 ] || fail "one block held it all: '$links'"

#!/usr/bin/env bash
# What crosses the node's link, recorded by a proxy, for a whole conversation: sizes, kinds, and the records' bytes.
. "$(dirname "$0")/lib.sh"
gateway_configure
gateway_start
proxy_start link $proxy_port $link_port
node_link=$proxy_port
node_add kitchen
subscriber_add alice $alice_key kitchen
kitchen_port=$(port_of kitchen)
# One lost flight, so that the peer repeats its Finished into the live session: that must not cross either.
proxy_start peer $((proxy_port + 1)) $kitchen_port --lose-flight 6
node_start kitchen
node_await kitchen

for path in temperature .well-known/core light; do
    client_options=--verbose request s_client $((proxy_port + 1)) get $path >/dev/null
done
client_options="--observe 2 --verbose" request gnutls-cli $((proxy_port + 1)) get humidity >/dev/null
"$tests_dir/integration/link_check.py" "$work/link.datagrams" "$work/peer.datagrams" "$work/client.log"

#!/usr/bin/env bash
# Truncated, oversized, reordered, duplicated, altered and random datagrams on both sides: dropped and counted, and an
# honest client does not notice. The seed is printed; SSM_TEST_SEED repeats a run.
. "$(dirname "$0")/lib.sh"
gateway_configure
gateway_start
proxy_start link $proxy_port $link_port
node_link=$proxy_port
node_add kitchen
subscriber_add alice $alice_key kitchen
kitchen_port=$(port_of kitchen)
proxy_start peer $((proxy_port + 1)) $kitchen_port
node_start kitchen
node_await kitchen

# Genuine datagrams to start from.
request s_client $((proxy_port + 1)) get .well-known/core >/dev/null
s_client_start honest $kitchen_port
send_get "$s_client_in" 1
await 20 "a reply before" has_reply "$work/honest.out" 1

dropped() { # peer|node
    query "sum(v for k, v in d['relay'].items() if k.startswith('drop_$1')) + d['keys']['drop_association'] + \
        d['keys']['drop_control'] + d['keys']['failed_handshake']" status
}
for side in peer link; do
    port=$kitchen_port counters=peer
    [ $side = peer ] || port=$link_port counters=node
    before=$(dropped $counters)
    "$tests_dir/integration/garbage.py" $port "$work/$side.datagrams" "${SSM_TEST_SEED:-}"
    await 20 "ssmd answers after garbage on the $side side" ctl status >/dev/null
    all_alive || fail "a process of ssmd ended"
    after=$(dropped $counters)
    [ $((after - before)) -gt 300 ] || fail "$((after - before)) drops counted on the $side side"
    echo "ok: $side side, $((after - before)) drops counted"
done
grep -q "was ended by signal" "$work/ssmd.log" && fail "a process of ssmd was restarted"

send_get "$s_client_in" 2
await 20 "the session from before goes on" has_reply "$work/honest.out" 2
reading=$(request coap-client-openssl $kitchen_port get temperature)
is_temperature "$reading" || fail "an honest client does not get through: '$reading'"
[ "$(wc -l <"$work/ssmd.log")" -lt 200 ] || fail "the log is not rate-limited: $(wc -l <"$work/ssmd.log") lines"

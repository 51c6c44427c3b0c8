#!/usr/bin/env bash
# fifth-session.sh: a node has four slots. While all are in use a fifth peer is refused; once one has been idle for
# evict_idle_s it is closed, by its tombstone, to make room.
. "$(dirname "$0")/../integration/lib.sh"
gateway_with_nodes "evict_idle_s = 4"

inputs=()
pids=()
for number in 1 2 3 4; do
    s_client_start "peer$number" $kitchen_port
    inputs+=("$s_client_in")
    pids+=("$s_client_pid")
    send_get "$s_client_in" $number
    await 20 "reply to peer $number" has_reply "$work/peer$number.out" $number
done
sessions_are 4 || fail "$(sessions) sessions, wanted 4"

s_client_start peer5 $kitchen_port
await 20 "the fifth is refused" has "$work/peer5.log" "SSL alert number 80"
counter_above keys failed_busy 0 || fail "failed_busy does not count"
sessions_are 4 || fail "$(sessions) sessions after the refusal, wanted 4"

# Peers 2 to 4 go on; peer 1 has been idle long enough.
sleep 5
for number in 2 3 4; do
    send_get "${inputs[number - 1]}" $((number + 4))
    await 20 "peer $number is still served" has_reply "$work/peer$number.out" $((number + 4))
done
s_client_start peer6 $kitchen_port
send_get "$s_client_in" 9
await 20 "the sixth gets the idle one's slot" has_reply "$work/peer6.out" 9
sessions_are 4 || fail "$(sessions) sessions at the end, wanted 4"
await 20 "the idle one is told" is_gone "${pids[0]}"

#!/usr/bin/env bash
# four-sessions.sh BOARD AES [REPORT]: a board with all the sessions that it has room for, each of them served, while one
# observes and noise is on the line: its stack has room left. Leaves the emulator's report in REPORT.
. "$(dirname "$0")/board.sh"
board_up

request coap-client-gnutls "$kitchen_port" put interval 1 >/dev/null
observe coap-client-gnutls "$work/readings"
await 15 "a reading" readings_are "$work/readings" 1
inputs=()
for number in 1 2 3; do
    s_client_start "peer$number" "$kitchen_port"
    inputs+=("$s_client_in")
    send_get "$s_client_in" "$number"
    await 20 "reply to peer $number" peer_is_answered "peer$number" "$number"
done
sessions_are 4 || fail "$(sessions) sessions, wanted 4"

is_served() { # DESCRIPTOR NAME NUMBER: what the noise spoils is asked again
    send_get "$1" "$3"
    within 1 peer_is_answered "$2" "$3"
}
for number in 4 5 6; do # datagrams follow each other closely
    kill -s USR2 $board_pid
    send_get "${inputs[1]}" "$number"
    send_get "${inputs[2]}" "$number"
    await 15 "a reply to peer 1" is_served "${inputs[0]}" peer1 "$number"
done
await 15 "notifications all the while" readings_are "$work/readings" 3
board_end
[ "$(report "d['stack']['low_water']")" -gt 0 ] || fail "the stack is used up: $(report "d['stack']")"
never_reset
[ $# -lt 3 ] || cp "$work/report" "$3"

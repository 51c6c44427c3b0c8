#!/usr/bin/env bash
# noise.sh BOARD AES: garbage, half frames, frames without end, break conditions and framing errors on the line while a
# client observes: counted and dropped, and the session goes on.
. "$(dirname "$0")/board.sh"
seed=${SSM_TEST_SEED:-$RANDOM}
echo "SSM_TEST_SEED=$seed"
RANDOM=$seed

noise() { # COUNT: so many random bytes
    local i
    for ((i = 0; i < $1; i++)); do
        printf "\\x$(printf %02x $((RANDOM % 256)))"
    done
}

# The gateway has the line for itself once it is open, but for who was there before.
board_gateway
gateway_stop
board_start
await 20 "the emulator makes its line" test -e "$line"
exec {noise_in}>"$line"
gateway_start
board_await
request coap-client-gnutls "$kitchen_port" put interval 1 >/dev/null
observe coap-client-openssl "$work/readings"
await 15 "a reading" readings_are "$work/readings" 1

frames=0
for round in 1 2 3 4; do
    noise 300 >&"$noise_in"
    printf '\300\041half \333\300\377\300' >&"$noise_in"
    { printf '\300' && noise 500 && head -c 2000 /dev/zero && printf '\300'; } >&"$noise_in"
    head -c 2000 /dev/zero | tr '\0' '\333' >&"$noise_in"
    printf '\300' >&"$noise_in"
    kill -s USR1 $board_pid
    sleep 0.2
    kill -s USR2 $board_pid
    sleep 0.2
    frames=$((frames + 3)) # of the 300 bytes some may pass for frames
done
had=$(wc -l <"$work/readings")
await 15 "notifications after the noise" readings_are "$work/readings" $((had + 2))

dropped=$(board_status dropped)
errors=$(board_status errors)
[ "$dropped" -ge $frames ] || fail "the board counts $dropped dropped frames, wanted at least $frames"
[ "$errors" -gt 0 ] || fail "the board counts no errors of the line"
[ "$(query "d['keys']['associations']" status)" = 1 ] || fail "the board had to associate again"
all_alive || fail "a process of ssmd died"
board_end
[ "$(report "d['uart']['overruns']")" = 0 ] || fail "overruns: $(report "d['uart']")"
never_reset
echo "ok: $dropped frames dropped, $errors errors of the line"

#!/usr/bin/env bash
# clients.sh BOARD AES CLIENT: a stock client reads a sensor of an emulated board, switches its light, sets how often it
# tells its observers, and observes.
. "$(dirname "$0")/board.sh"
client=$3
board_up

reading=$(request "$client" "$kitchen_port" get $sensor)
is_temperature "$reading" || fail "$sensor: '$reading'"

[ "$(request "$client" "$kitchen_port" get light)" = 0 ] || fail "the light is not off at the start"
request "$client" "$kitchen_port" put light 1 >/dev/null
[ "$(request "$client" "$kitchen_port" get light)" = 1 ] || fail "the light is not on"

request "$client" "$kitchen_port" put interval 1 >/dev/null
[ "$(request "$client" "$kitchen_port" get interval)" = 1 ] || fail "the interval is not set"
observe "$client" "$work/readings"
await 24 "a reading and three notifications" readings_are "$work/readings" 4

board_end
[ "$(report "d['leds']['red']")" = 1 ] || fail "the LED is not lit: $(report "d['leds']")"
blocks=$(report "d['aes_blocks']")
case $aes in
soft) [ "$blocks" = 0 ] || fail "AES in software, but the coprocessor was used" ;;
coprocessor) [ "$blocks" -gt 100 ] || fail "AES by the coprocessor, of which it did only $blocks blocks" ;;
esac
never_reset

#!/usr/bin/env bash
# power-cut.sh BOARD AES: the power fails half way through a write to the flash, again and again: after each boot the
# board has a counter that it has not used, and associates.
. "$(dirname "$0")/board.sh"
seed=${SSM_TEST_SEED:-$RANDOM}
echo "SSM_TEST_SEED=$seed"
RANDOM=$seed
case $board in
msp430) writes=4 ;;   # halves of the words of an entry
econotag) writes=8 ;; # bytes of it
esac
board_up

for life in 1 2 3 4 5 6; do
    counter=$(association)
    board_end
    board_start --power-cut $((1 + RANDOM % writes)) --seed $((1 + RANDOM))
    await 20 "the power fails" is_gone $board_pid
    [ "$(report "d['stopped_by']")" = power-cut ] || fail "the board stopped by $(report "d['stopped_by']")"
    board_start
    board_await "$counter"
    echo "ok: life $life, counter $(association) after $counter"
done
reading=$(request coap-client-gnutls "$kitchen_port" get $sensor)
is_temperature "$reading" || fail "$sensor: '$reading'"
board_end
never_reset

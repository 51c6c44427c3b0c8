# Sourced by every script here, with BOARD and AES: a real gateway, and in place of simulated nodes one emulated board on
# a serial line that runs the firmware's own image.
#
# board_up is the usual beginning; kitchen is the board, and alice may visit it.

. "$(dirname "${BASH_SOURCE[0]}")/../../integration/lib.sh"

board=$1 # msp430|econotag
aes=$2   # soft|coprocessor
emulator=$(program "emu-$board")
line=$work/board.tty
case $board in
msp430) sensor=temperature ;;
econotag) sensor=battery ;;
esac

board_gateway() {
    gateway_configure "serial_links = ${link:-$line}"
    gateway_start
    node_add kitchen
    subscriber_add alice $alice_key kitchen
    kitchen_port=$(port_of kitchen)
    "$source_dir/scripts/firmware" "$board" --aes "$aes" --id kitchen --key-file "$work/kitchen.key" -o "$work/kitchen.elf"
}

board_start() { # [OPTION...]: of the emulator
    rm -f "$line" # of an emulator that was killed
    "$emulator" --serial "$line" --flash "$work/flash" --report "$work/report" "$@" "$work/kitchen.elf" \
        </dev/null >>"$work/board.log" 2>&1 9>&- &
    board_pid=$!
    started+=($board_pid)
}

# A board that was on before may still pass for associated: what tells is the association's counter.
association() {
    query "d['association']" node show kitchen
}

association_is_above() { # COUNTER
    [ "$(association)" -gt "$1" ]
}

board_await() { # [COUNTER]: the board associates, with a counter above that one
    await 30 "the board associates" association_is_above "${1:-0}"
}

board_up() {
    board_gateway
    board_start
    board_await
}

board_end() {
    stop $board_pid || fail "the emulator did not end"
}

report() { # EXPRESSION: over the emulator's report `d`; after the board's end
    /usr/bin/python3 -c "import json, sys; d = json.load(open('$work/report')); print($1)"
}

never_reset() { # after the board's end
    [ "$(report "d['resets']['watchdog']")" = 0 ] || fail "the watchdog has reset the board: $(report "d['resets']")"
}

# NAME: a number of the board's own resource "status". Another number in that text may become longer while its blocks are
# asked for (RFC 7959), and a digit comes twice: the second of two readings that agree counts.
board_status() {
    local before= number= try
    for try in 1 2 3 4; do
        number=$(request coap-client-gnutls "$kitchen_port" get status | tr ' ' '\n' | sed -n "s/^$1=//p")
        [ "$number" != "$before" ] || break
        before=$number
    done
    echo "$number"
}

# CLIENT FILE: observes the sensor in the background, for 25 s; each notification is a line in FILE.
observe() {
    local client=$1 file=$2
    case $client in
    coap-client-*) client_options="-s 24 -w" request "$client" "$kitchen_port" get $sensor >"$file" & ;;
    *) client_options="--observe 6 --timeout 24" request "$client" "$kitchen_port" get $sensor >"$file" & ;;
    esac
    started+=($!)
}

readings_are() { # FILE COUNT: at least
    [ -e "$1" ] && [ "$(grep -cE '^[0-9]+\.[0-9]+$' "$1")" -ge "$2" ]
}

# As has_reply, of the peer NAME to send_get NUMBER; but the Econotag has no thermometer, and says 4.04.
peer_is_answered() { # NAME NUMBER
    LC_ALL=C grep -qsaP "\\x61[\\x45\\x84]\\x00\\x0$2\\x0$2" "$work/$1.out"
}

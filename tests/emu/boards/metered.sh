#!/usr/bin/env bash
# metered.sh BOARD AES DIRECTORY: four lives of a board: an association; the same and a key block; the same and a request
# of 32 bytes with a reply of 32; in its place one of 64 with a reply of 48. Leaves in DIRECTORY for each life what the
# emulator has counted (LIFE.json) and what has crossed the line (LIFE.datagrams).
. "$(dirname "$0")/board.sh"
out=$3
socket=$work/tap.sock
link=unix:$socket

life_begin() {
    rm -f "$line"
    : >"$out/$life.datagrams"
    "$(dirname "${BASH_SOURCE[0]}")/tap.py" "$socket" "$line" "$out/$life.datagrams" </dev/null >"$work/tap.log" 2>&1 9>&- &
    tap_pid=$!
    started+=($tap_pid)
    await 15 "the gateway opens the line" has "$work/tap.log" ready
    board_start --measure datagram_handle --measure node_join_begin --measure bare_uart_put --measure record_crypt \
        --measure aes128_encrypt
    await 20 "the node acknowledges the gateway's first message" control_messages_up 1
}

life_end() {
    sleep 0.3 # whatever is still on the line would be too much
    board_end
    stop $tap_pid
    cp "$work/report" "$out/$life.json"
}

crossed() {
    awk '{ printf "%s%s %d", (NR > 1 ? ", " : ""), $1, length($2) / 2 }' "$out/$life.datagrams"
}

# NAME WANTED [COMMAND...]: three times at most, until nothing but the wanted datagrams have crossed the line: on a busy
# machine some are repeated.
life() {
    local wanted=$2 try
    life=$1
    shift 2
    for try in 1 2 3; do
        life_begin
        "$@"
        life_end
        [ "$(crossed)" != "$wanted" ] || return 0
    done
    fail "$life: $(crossed) have crossed the line, not $wanted"
}

control_messages_up() { # COUNT; PROTOCOL.md 1: their first byte is 010.....
    [ "$(grep -c '^up [45]' "$out/$life.datagrams")" -ge "$1" ]
}

peer_begins() {
    s_client_start "$life" "$kitchen_port"
    await 20 "the node acknowledges the key block" control_messages_up 2
}

# CoAP: confirmable GET of /.well-known/core with a token of 7 bytes, which makes replies of a wanted length possible. Of
# Block2 the size alone is said; option 26 fills up to a length and is ignored by whom does not know it (RFC 7252 5.4.1).
request_head='\x47\x01\x00\x01abcdefg\xbb.well-known\x04core'
request_32='\xc0\x32xx'
request_64='\xc1\x01\x3d\x13xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'

peer_asks() { # REQUEST REPLY-LENGTH
    peer_begins
    printf "$request_head$1" >&"$s_client_in"
    await 20 "a reply of $2 bytes" has_length "$work/$life.out" "$2"
}

has_length() { # FILE LENGTH
    [ "$(stat -c %s "$1")" = "$2" ]
}

board_gateway
association="up 66, down 66, up 70, down 18, up 16"
keyblock="$association, down 67, up 16"
life association "$association" true
life keyblock "$keyblock" peer_begins
life record32 "$keyblock, down 45, up 51" peer_asks "$request_32" 32
life record64 "$keyblock, down 77, up 67" peer_asks "$request_64" 48

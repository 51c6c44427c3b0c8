#!/usr/bin/env bash
# scripts/run: --once reads a sensor and ends; without it the printed lines work as they stand, Ctrl-C ends everything,
# and --state keeps nodes and subscribers from one start to the next. With --outbound a node pushes into a stock server.
. "$(dirname "$0")/lib.sh"
export SSM_BUILD=$build_dir # instead of another build

nothing_left() {
    ! pgrep -f -- "$work/run-state" >/dev/null
}

"$source_dir/scripts/run" --once --state "$work/run-state" </dev/null >"$work/once.log" 2>&1 ||
    fail "scripts/run --once"
grep -qE '^kitchen temperature: [0-9]+\.[0-9] ' "$work/once.log" || fail "no reading"
nothing_left || fail "a process is left after --once"

setsid "$source_dir/scripts/run" --state "$work/run-state" </dev/null >"$work/stay.log" 2>&1 9>&- &
run_pid=$!
started+=($run_pid)
await 60 "it stays" has "$work/stay.log" "Ctrl-C"
[ "$(grep -c '^try: ' "$work/stay.log")" -ge 2 ] || fail "no line to try for each node"
while read -r _ line; do
    reading=$(timeout 15 bash -c "$line" 2>>"$work/client.log")
    is_temperature "$reading" || fail "'$line' gives '$reading'"
done < <(grep '^try: ' "$work/stay.log")
kill -INT -- -$run_pid
await 20 "Ctrl-C ends it" is_gone $run_pid
await 20 "no process is left" nothing_left

# Without --state nothing stays on disk.
before=$(find /tmp -maxdepth 1 -name 'ssm-run.*' | wc -l)
"$source_dir/scripts/run" --once </dev/null >"$work/throw-away.log" 2>&1 || fail "scripts/run --once, throw-away state"
[ "$(find /tmp -maxdepth 1 -name 'ssm-run.*' | wc -l)" = "$before" ] || fail "the throw-away state is left"

"$source_dir/scripts/run" --outbound --once --state "$work/run-state" </dev/null >"$work/outbound.log" 2>&1 ||
    fail "scripts/run --outbound --once"
grep -qE '^kitchen pushes its temperature to /readings of coap-server-gnutls at coaps://' "$work/outbound.log" ||
    fail "no push"
grep -qE '^kitchen +[0-9]+ +out ' "$work/outbound.log" || fail "no session of the node as a client"
nothing_left || fail "a process is left after --outbound --once"

status=0
"$source_dir/scripts/run" --colour >"$work/usage.log" 2>&1 || status=$?
[ $status = 2 ] || fail "exit $status for an unknown option, wanted 2"

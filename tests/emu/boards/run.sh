#!/usr/bin/env bash
# run.sh BOARD AES: scripts/run with an emulated board: --once reads a sensor and ends, and without it the printed lines
# work as they stand.
. "$(dirname "$0")/board.sh"
export SSM_BUILD=$build_dir # instead of another build

"$source_dir/scripts/run" --board "$board" --aes "$aes" --once --state "$work/run-state" </dev/null >"$work/once.log" 2>&1 ||
    fail "scripts/run --board $board --once"
grep -qE "^kitchen $sensor: [0-9]+\.[0-9] \(.* image in emu-$board, " "$work/once.log" || fail "no reading"

setsid "$source_dir/scripts/run" --board "$board" --aes "$aes" --state "$work/run-state" \
    </dev/null >"$work/stay.log" 2>&1 9>&- &
run_pid=$!
started+=($run_pid)
await 60 "it stays" has "$work/stay.log" "Ctrl-C"
while read -r _ command; do
    timeout 15 bash -c "$command" >"$work/tried" 2>>"$work/client.log" || fail "'$command' fails"
    case $command in
    *-m\ get*) is_temperature "$(sed -n '1p' "$work/tried")" || fail "'$command' gives '$(cat "$work/tried")'" ;;
    esac
done < <(grep '^try: ' "$work/stay.log")
kill -INT -- -$run_pid
await 20 "Ctrl-C ends it" is_gone $run_pid

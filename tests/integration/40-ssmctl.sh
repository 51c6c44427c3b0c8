#!/usr/bin/env bash
# ssmctl: every command, exit codes (0 done, 1 refused, 2 usage), one sentence on standard error, keys hidden.
. "$(dirname "$0")/lib.sh"
gateway_configure
gateway_start

# EXIT-CODE WORD COMMAND...: an error of that kind, in one line that contains WORD.
refuses() {
    local code=$1 word=$2 status=0
    shift 2
    ctl "$@" >"$work/ctl.out" 2>"$work/ctl.err" || status=$?
    [ $status = "$code" ] || fail "ssmctl $*: exit $status, wanted $code"
    [ ! -s "$work/ctl.out" ] || fail "ssmctl $*: an error, and output"
    has "$work/ctl.err" "$word" || fail "ssmctl $*: no '$word' in: $(cat "$work/ctl.err")"
    [ "$(wc -l <"$work/ctl.err")" = 1 ] || fail "ssmctl $*: not one line: $(cat "$work/ctl.err")"
}

# A generated key is shown once, and only where it is asked for after that.
added=$(ctl node add kitchen)
key=$(grep -oE '\b[0-9a-f]{32}\b' <<<"$added") || fail "no generated key in: $added"
for command in "node list" "node show kitchen" "status" "session list" "subscriber list"; do
    for format in table json; do
        # shellcheck disable=SC2086 # words
        ctl -o $format $command >"$work/ctl.out"
        has "$work/ctl.out" "$key" && fail "ssmctl $command shows the key"
    done
done
ctl node show kitchen --show-key | grep >/dev/null -F "$key" || fail "node show --show-key does not show the key"
[ "$(query "d['psk']" node show kitchen --show-key)" = "$key" ] || fail "nor in JSON"
[ "$(query "[n['name'] for n in d]" node list)" = "['kitchen']" ] || fail "node list"
[ "$(port_of kitchen)" = "$node_port_first" ] || fail "not the first port of the range"

subscriber_add alice $alice_key kitchen
grep -qF $alice_key <(ctl subscriber list) <(ctl subscriber show alice) && fail "the subscriber's key is shown"
ctl subscriber show alice --show-key | grep >/dev/null -F $alice_key || fail "subscriber show --show-key"
[ "$(query "d[0]['nodes']" subscriber list)" = "['kitchen']" ] || fail "subscriber list"
# bob gets a key made for him.
bob=$(query "d['psk']" subscriber add bob --node kitchen)
[ ${#bob} -ge 16 ] || fail "the generated key of bob is '$bob'"

refuses 1 "exists" node add kitchen
refuses 1 "exists" subscriber add alice --psk-file "$work/alice.psk" --node kitchen
refuses 1 "attic" subscriber add carol --node attic
[ "$(query "[s['name'] for s in d]" subscriber list)" = "['alice', 'bob']" ] || fail "carol was half added"
refuses 1 "attic" node show attic
refuses 1 "attic" node remove attic
refuses 1 "carol" subscriber remove carol
refuses 1 "session 7" session close kitchen 7
refuses 1 "port" node add attic --port "$link_port"
echo short >"$work/short"
chmod 600 "$work/short"
refuses 1 "short" node add attic --psk-file "$work/short"
refuses 1 "short" subscriber add carol --psk-file "$work/short" --node kitchen
refuses 1 "missing" node add attic --psk-file "$work/missing"
refuses 2 "no command" node paint kitchen
refuses 2 "usage" node add
refuses 2 "'seven'" session close kitchen seven
refuses 2 "'--colour'" --colour status
refuses 2 "no name" node add "two words"

ctl node remove kitchen >/dev/null
[ "$(query "d[0]['nodes']" subscriber list)" = "[]" ] || fail "a removed node is granted still"
ctl subscriber remove alice >/dev/null
ctl subscriber remove bob >/dev/null
[ "$(query "len(d)" subscriber list)" = 0 ] || fail "a subscriber is left"
ctl --help | grep >/dev/null "subscriber add" || fail "--help does not list the commands"

gateway_stop
refuses 1 "ssmd" status

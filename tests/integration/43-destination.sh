#!/usr/bin/env bash
# Destinations through ssmctl: servers that a node may visit are added, listed without a key, kept over a restart,
# removed, and gone with their node. From the first one on there is a process that resolves names: as the configured
# account, with a filter, without a key or a file of the others; it is restarted when it dies, and takes nobody along.
. "$(dirname "$0")/lib.sh"
need_root
gateway_configure "user = nobody"
gateway_start
node_add kitchen
node_add cellar
pki=$work/pki
ctl ca init >/dev/null
ctl ca issue gw --out "$pki" >/dev/null
printf 'key-of-the-server-0001\n' >"$work/server.psk"
chmod 600 "$work/server.psk"

has_no_resolver() {
    ! process_of resolve >/dev/null
}
has_no_resolver || fail "a process resolves names, and nobody may ask for one"

# ---- the list ----

refused() { # CODE TEXT ARGS...
    local code=$1 text=$2 status=0
    shift 2
    ctl "$@" >"$work/refused.out" 2>&1 || status=$?
    [ $status = "$code" ] && has "$work/refused.out" "$text" || fail "ssmctl $*: $status, $(cat "$work/refused.out")"
}
destinations() {
    query "' '.join(r['node'] + '=' + r['uri'] + '=' + r['credential'] for r in d)" destination list "$@"
}

ctl destination add kitchen COAPS://Server.Example:5684 --identity gw --psk-file "$work/server.psk" >/dev/null
await 20 "a process that resolves names" process_of resolve >/dev/null
ctl destination add kitchen 'coaps://[2001:db8:0::1]:8000' --ca "$pki/ca.crt" >/dev/null
ctl destination add cellar coaps://server.example --ca "$pki/ca.crt" --cert "$pki/gw.crt" --key "$pki/gw.key" >/dev/null
refused 1 "node 'kitchen' has destination coaps://server.example already" \
    destination add kitchen coaps://server.example --ca "$pki/ca.crt"
refused 1 "no node is called 'attic'" destination add attic coaps://server.example --ca "$pki/ca.crt"
refused 1 "is not a CA's" destination add cellar coaps://s --ca "$pki/gw.crt"
openssl ecparam -name prime256v1 -genkey -out "$work/other.key" 2>/dev/null
refused 1 "is not the key of the certificate" \
    destination add cellar coaps://s --ca "$pki/ca.crt" --cert "$pki/gw.crt" --key "$work/other.key"
refused 2 "has a path" destination add cellar coaps://s/path --ca "$pki/ca.crt"

all="kitchen=coaps://[2001:db8::1]:8000=gateway kitchen=coaps://server.example=psk"
all+=" cellar=coaps://server.example=certificate"
[ "$(destinations)" = "$all" ] || fail "listed: $(destinations)"
ctl -o json destination list >"$work/list.json"
ctl destination list >"$work/list.txt"
for shown in "$work"/list.*; do
    if has "$shown" key-of-the-server || has "$shown" PRIVATE; then
        fail "a key is shown: $(cat "$shown")"
    fi
done

# ---- the process ----

resolve=$(process_of resolve)
status_of() { # FIELD
    awk -v field="$1:" '$1 == field { print $2 }' "/proc/$resolve/status"
}
[ "$(status_of Uid)" != 0 ] && [ "$(status_of Gid)" != 0 ] || fail "resolve runs as root"
[ "$(status_of CapEff)$(status_of CapPrm)" = 00000000000000000000000000000000 ] || fail "resolve has capabilities"
[ "$(status_of NoNewPrivs)$(status_of Seccomp)" = 12 ] || fail "resolve is not shut in"
files=$(find "/proc/$resolve/fd" -mindepth 1 -printf '%l\n')
grep -E '/(keys|relay)\.db|/storage\.key' <<<"$files" && fail "resolve has a file of another process open"

# Prints which of the texts stand in the writable memory of a process.
found_in() { # PID TEXT...
    /usr/bin/python3 - "$@" <<'END'
import sys
pid, texts = sys.argv[1], [t.encode() for t in sys.argv[2:]]
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
    for line in maps:
        span, rights = line.split()[:2]
        start, end = (int(n, 16) for n in span.split("-"))
        if "w" not in rights or "[v" in line:
            continue
        memory.seek(start)
        content = memory.read(end - start)
        print(*(t.decode() for t in texts if t in content))
END
}
found_in "$resolve" "$work/state" | grep >/dev/null state || fail "the search does not even find what is there"
[ -z "$(found_in "$resolve" key-of-the-server PRIVATE | tr -d '\n')" ] || fail "resolve holds a key"

keys=$(process_of keys)
relay=$(process_of relay)
kill -KILL "$resolve"
await 20 "resolve is restarted" is_restarted resolve "$resolve"
[ "$(process_of keys) $(process_of relay)" = "$keys $relay" ] || fail "another process went along with it"
resolve=$(process_of resolve)
kill -KILL "$keys"
await 20 "keys is restarted" is_restarted keys "$keys"
await 20 "keys answers" gateway_answers
[ "$(process_of resolve)" = "$resolve" ] || fail "resolve went along with keys"

# ---- restart, removal ----

gateway_stop
gateway_start
await 20 "a process that resolves names, after a restart" process_of resolve >/dev/null
[ "$(destinations)" = "$all" ] || fail "after a restart: $(destinations)"
ctl destination remove kitchen coaps://server.example >/dev/null
refused 1 "has no destination coaps://server.example" destination remove kitchen coaps://server.example
[ "$(destinations kitchen)" = "kitchen=coaps://[2001:db8::1]:8000=gateway" ] || fail "removed: $(destinations)"
ctl node remove kitchen >/dev/null
[ "$(destinations)" = "cellar=coaps://server.example=certificate" ] || fail "with its node: $(destinations)"
all_alive || fail "a process is gone"
gateway_stop

# Sourced by the rounds: core dumps of all processes of the gateway, searched for what is known of a session.
. "$(dirname "${BASH_SOURCE[0]}")/../../integration/lib.sh"
need gcore gdb
need_root
secrets=() # what is known: the options of `search`

roles() { # of the gateway that runs
    printf '%s\n' parent relay keys
    ! process_of resolve >/dev/null || echo resolve
}

dump() { # MOMENT [ROLE...]: of all processes, or of these
    local moment=$1 role pid
    shift
    [ $# -gt 0 ] || set -- $(roles)
    for role in "$@"; do
        pid=$gateway_pid
        [ "$role" = parent ] || pid=$(process_of "$role")
        # -a: all of the memory, that which asks not to be dumped included
        dump_process "$role.$moment" "$pid" -a
    done
}

dump_process() { # NAME PID [OPTION...]
    local name=$1 pid=$2
    shift 2
    gcore "$@" -o "$work/$name" "$pid" >"$work/gcore.log" 2>&1 || fail "gcore of $name"
    mv "$work/$name.$pid" "$work/$name"
}

search() { # MOMENT ROLE WHAT...: prints what was found
    local moment=$1 role=$2
    shift 2
    "$tests_dir/campaign/key-search/search" "${secrets[@]}" "$work/$role.$moment" "$@"
}

nowhere() { # MOMENT ROLE WHAT...
    local found
    found=$(search "$@")
    [ -z "$found" ] || fail "in $2, $1: $found"
}

in_keys_before() { # which shows that the search finds
    [ "$(search before keys traffic-keys | wc -w)" = 2 ] || fail "keys does not hold the traffic keys: nothing is proved"
}

nowhere_after() { # WHAT...: nor is a PSK where none belongs
    local role
    nowhere after keys "$@"
    for role in $(roles | grep -vx keys); do
        nowhere after "$role" "$@" psk node-psk
    done
}

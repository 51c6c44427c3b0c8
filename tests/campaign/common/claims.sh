# Sourced after lib.sh: what a campaign claims, and the table at its end.
rows=() # claim | figure | limit | holds
claims_failed=0

claim() { # WHAT FIGURE LIMIT HOLDS: HOLDS is an arithmetic expression
    local holds=yes
    (($4)) || { holds=NO && claims_failed=1; }
    rows+=("$1|$2|$3|$holds")
}

claims_print() { # NAME: of the campaign, which fails if a claim does not hold
    local row what figure limit holds
    printf '\n%-66s %-20s %-20s %s\n' "$1" figure limit holds
    for row in "${rows[@]}"; do
        IFS='|' read -r what figure limit holds <<<"$row"
        printf '%-66s %-20s %-20s %s\n' "$what" "$figure" "$limit" "$holds"
    done
    [ $claims_failed = 0 ] || fail "a claim does not hold"
}

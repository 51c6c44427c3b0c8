#!/usr/bin/env bash
# cmake --install puts everything where Debian expects it; the programs are hardened; systemd finds nothing wrong with
# the unit, and little exposed; the sample configuration is good, and names every option of ssmd with its default; the
# manual pages are well-formed.
. "$(dirname "$0")/lib.sh"
need systemd-analyze systemd
need mandoc mandoc
need cmake cmake
need readelf binutils

root=$work/root
DESTDIR=$root cmake --install "$build_dir" >"$work/install.log" 2>&1 || fail "cmake --install"
while read -r mode path; do
    [ -e "$root$path" ] || fail "not installed: $path"
    [ "$(stat -c %a "$root$path")" = "$mode" ] || fail "$path has mode $(stat -c %a "$root$path"), wanted $mode"
done <<'END'
755 /usr/sbin/ssmd
755 /usr/bin/ssmctl
755 /usr/bin/ssm-node
644 /etc/ssm/ssmd.conf
644 /usr/lib/systemd/system/ssmd.service
644 /usr/lib/sysusers.d/ssm.conf
644 /usr/share/bash-completion/completions/ssmctl
644 /usr/share/man/man1/ssmctl.1
644 /usr/share/man/man1/ssm-node.1
644 /usr/share/man/man5/ssmd.conf.5
644 /usr/share/man/man8/ssmd.8
END

# What is installed runs, and needs nothing of the source tree.
for binary in sbin/ssmd bin/ssmctl bin/ssm-node; do
    "$root/usr/$binary" --help >/dev/null || fail "$binary --help"
done
"$source_dir/scripts/check-hardening" "$build_dir" || fail "not hardened"

# systemd looks for the program where the unit says: in our root.
unit=$work/ssmd.service
sed "s|^ExecStart=/usr/sbin/ssmd|ExecStart=$root/usr/sbin/ssmd|" "$root/usr/lib/systemd/system/ssmd.service" >"$unit"
systemd-analyze verify --man=no "$unit" >"$work/verify.log" 2>&1 || fail "systemd-analyze verify"
[ ! -s "$work/verify.log" ] || fail "systemd-analyze verify has remarks"
systemd-analyze security --offline=true --threshold=15 --no-pager "$unit" >"$work/security.log" 2>&1 ||
    fail "systemd-analyze security: exposure above 1.5"
grep -q '^Type=notify$' "$unit" || fail "the unit does not wait for readiness"
grep -q '^WatchdogSec=' "$unit" || fail "the unit has no watchdog"

# The sample says of every option what --help-config says.
"$ssmd" --config "$root/etc/ssm/ssmd.conf" --check-config >/dev/null || fail "the sample configuration is refused"
options=$("$ssmd" --help-config | sed -n 's/^\([a-z_]*\) = .*/\1/p;s/^\([a-z_]*\) =$/\1/p')
[ "$(wc -w <<<"$options")" -ge 20 ] || fail "--help-config lists too little: $options"
for option in $options; do
    grep -qE "^$option =" "$root/etc/ssm/ssmd.conf" || fail "the sample does not name $option"
    grep -qE "\b$option\b" "$root/usr/share/man/man5/ssmd.conf.5" || fail "ssmd.conf(5) does not name $option"
    default=$("$ssmd" --help-config | sed -n "s/^$option = *//p")
    [ "$(sed -n "s/^$option = *//p" "$root/etc/ssm/ssmd.conf")" = "$default" ] ||
        fail "the sample's $option is not '$default'"
done

for page in "$root"/usr/share/man/man*/*; do
    mandoc -T lint -W warning "$page" >"$work/lint.log" 2>&1 || fail "mandoc finds fault with ${page##*/}"
done

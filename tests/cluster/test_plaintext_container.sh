#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A container: curl with a root, namespaces of mounts, processes and network, and a libssl of its own,
# in a cgroup as container engines name theirs.
. "$(dirname "$0")/plaintext_marked.sh"
needs unshare util-linux
begin_plaintext 2

root=$WORK/root
curl=$(command -v curl)
mkdir -p "$root/usr/bin"
cp "$curl" "$root/usr/bin/incontainer"
for file in $(ldd "$curl" | grep -o '/[^ ]*'); do
    mkdir -p "$root$(dirname "$file")"
    cp -L "$file" "$root$file"
done

# A cgroup of version 2, if we may.
id=$(printf '%064x' $$)
cgroups=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/mounts)
cgroup=${cgroups:+$cgroups/docker-$id.scope}
if [ -n "$cgroup" ] && mkdir "$cgroup" 2>/dev/null; then
    trap 'cleanup; rmdir "$cgroup"' EXIT
else
    echo "no cgroup of version 2 can be made here: the container's id is not looked at"
    cgroup=
fi
# container OPTION... URL
container() {
    bash -c '[ -z "$1" ] || echo $$ >"$1/cgroup.procs"; shift; exec "$@"' bash "$cgroup" \
        ip netns exec "$NET_CLIENT" unshare --mount --pid --fork \
        chroot "$root" /usr/bin/incontainer -sk --max-time 10 "$@" >/dev/null
}
start
answered 20 incontainer container https://$SERVER4 || die 'the container does not show'
for i in 1 2 3 4 5; do
    container "https://$SERVER4$MARK/run/$i" "https://[$SERVER6]$MARK/run/v6/$i" || die 'curl'
done
wait_for 10 has_marked 10
stop

[ "$(ends | grep -c '^/run/.*	incontainer	nginx$')" -eq 10 ] || die "processes: $(ends)"
facts() {
    marked process_side pid exe container cgroup peer_pid peer_exe | grep '^/run/' |
        awk -F '\t' -v OFS='\t' '$2 == "client" {print $4, $5, $6}'
}
[ "$(facts | wc -l)" -gt 0 ] || die 'the client is never the one that is read'
[ "$(facts | cut -f 1 | sort -u)" = /usr/bin/incontainer ] || die "exe: $(facts | sort -u)"
if [ -n "$cgroup" ]; then
    [ "$(facts | cut -f 2 | sort -u)" = "$id" ] || die "container: $(facts | sort -u)"
    [ "$(facts | cut -f 3 | sort -u)" = "/docker-$id.scope" ] || die "cgroup: $(facts | sort -u)"
fi
rows tls_plain process library library_path | grep -q '^incontainer	openssl	/.*libssl' ||
    die "library: $(rows tls_plain process library library_path | sort | uniq -c)"
joined || die 'without their packets'
pass "$TEST"
finish

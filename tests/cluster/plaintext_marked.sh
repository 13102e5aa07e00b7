# SPDX-License-Identifier: BSD-3-Clause
# Sourced, with lib.sh and plaintext.sh, by tests of the plaintext view with programs that cannot say
# who they are: the probe sees all of this machine, so that each path they ask for begins with $MARK,
# and `marked` tells of no other.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/plaintext.sh"
MARK=/mark$$

# needs PROGRAM PACKAGE: skips the test without it.
needs() {
    command -v "$1" >/dev/null && return
    skip "$TEST" "needs $1 (package $2)"
    finish
    exit
}

# rows LOG FIELD...: these fields of every record, separated by tabs.
rows() {
    local log=$1
    shift
    { cat "$LOGS/current/$log.log"; zcat -f "$LOGS"/*-*-*/"$log".*; } 2>/dev/null |
        awk -F '\t' -v want="$*" '
            BEGIN {n = split(want, field, " ")}
            /^#fields/ {for (i = 2; i <= NF; i++) column[$i] = i - 1}
            !/^#/ {
                for (i = 1; i <= n; i++)
                    printf "%s%s", $column[field[i]], i < n ? "\t" : "\n"
            }'
}

# marked FIELD...: of our requests in http.log the URI without $MARK, and these fields.
marked() { rows http uri "$@" | sed -n "s|^$MARK||p"; }

# ends: of our requests the path, the client's process and the server's, whichever was read.
ends() {
    marked view process_side process peer_process | awk -F '\t' -v OFS='\t' '
        $2 == "plaintext" {print $1, $3 == "client" ? $4 OFS $5 : $5 OFS $4}'
}

# is_plain PATH PROCESS: that request (or a longer path) is there once, as plaintext, with the process
# at an end of it.
is_plain() {
    marked view process peer_process | awk -F '\t' -v path="$1" -v process="$2" '
        index($1 "/", path "/") == 1 {n++; right = $2 == "plaintext" && ($3 == process || $4 == process)}
        END {exit n != 1 || !right}'
}

# answered SECONDS PROCESS COMMAND...: runs the command, whose last argument gets a new path each
# time, until one of its requests shows as plaintext of the process: what it uses is hooked.
answered() {
    local deadline=$((SECONDS + $1)) process=$2 n=0 path
    shift 2
    while [ "$SECONDS" -lt "$deadline" ]; do
        n=$((n + 1))
        path=/warm/$process/$n
        "${@:1:$#-1}" "${!#}$MARK$path" >/dev/null 2>&1
        wait_for 2 is_plain "$path" "$process" && return
    done
    return 1
}

# library_client NAME PACKAGE: a client of tests/cluster/plaintext_client.c, its path in $LIBRARY_CLIENT;
# skips the test if the package was not there to build it with.
library_client() {
    LIBRARY_CLIENT=$ROOT/build/tools/cluster/$1
    [ -x "$LIBRARY_CLIENT" ] && return
    skip "$TEST" "needs $1 (package $2, then make tools)"
    finish
    exit
}
library_ask() { client "$LIBRARY_CLIENT" $SERVER4 443 "$2" "$1" 2>>"$WORK/client.err"; }

# ours FIELD...: marked, of what library_asks_100 has asked for.
ours() { marked "$@" | grep '^/many/'; }

# library_asks_100: in a cluster that runs, and is stopped then, 20 requests on each of five connections.
# Each is there once, with the client's port, which its path names, and the process at each end.
library_asks_100() {
    local name=${LIBRARY_CLIENT##*/} i
    answered 20 "$name" library_ask 1 '' || die 'the client does not show'
    for i in 1 2 3 4 5; do
        library_ask 20 "$MARK/many" || die 'the client'
    done
    wait_for 10 has_marked 100
    stop
    [ "$(ours | sort -u | wc -l)" -eq 100 ] && [ "$(ours | wc -l)" -eq 100 ] ||
        die "$(ours | wc -l) records of 100 requests"
    [ -z "$(ours id.orig_p | awk -F '[/\t]' '$3 != $NF')" ] || die 'not the port of the client'
    [ "$(ends | grep '^/many/' | cut -f 2- | sort | uniq -c | tr -s ' \t\n' ' ')" = " 100 $name nginx " ] ||
        die "other processes: $(ends | cut -f 2- | sort | uniq -c)"
}

# has_marked N, for wait_for.
has_marked() { [ "$(marked | grep -vc '^/warm/')" -ge "$1" ]; }

# joined: what is marked has an uid of which conn.log and ssl.log know, too. Prints what has not.
joined() {
    comm -23 <(marked uid | cut -f 2 | sort -u) \
        <(comm -12 <(column conn uid | sort -u) <(column ssl uid | sort -u)) | grep . && return 1
    return 0
}

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Golden cases: tests/golden/<case>/input.* through `spliff-cluster run`, and the logs compared with
# expected/*.log line by line. Further down, what must hold for any capture: two workers log what
# one does, standard input gives what the file gives, JSON says what TSV says, and of a capture that
# is cut short everything before the cut is logged.
#
# usage: run.sh FOLDER-OF-COMMANDS [--update] [CASE...]
#   --update rewrites expected/ with what is logged now, to be looked at with git diff
#   <case>/args holds further arguments, if there are any
set -u
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1

commands=${1:?usage: run.sh FOLDER-OF-COMMANDS [--update] [CASE...]}
shift
update=
[ "${1:-}" = --update ] && update=1 && shift
only=$#
[ $# -gt 0 ] || set -- $(find tests/golden -mindepth 2 -maxdepth 2 -name 'input.*' -printf '%h\n' |
    xargs -n 1 basename | sort)
work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT

# replay OUT-FOLDER ARGUMENTS...: status of the run; its messages in OUT-FOLDER.err, its output among
# the logs
replay() {
    local out=$1 status
    shift
    rm -rf "$out"
    mkdir -p "$out"
    TZ=UTC timeout 60 "$commands/spliff-cluster" run --log-dir "$out" --quiet "$@" \
        2>"$out.err" >"$out/output.log" </dev/null
    status=$?
    [ -s "$out/output.log" ] || rm "$out/output.log"
    return $status
}

# The time of writing is not part of what is compared.
mask() { sed -E 's/^#(open|close)\t.*/#\1\t(time)/' "$1"; }

# Neither is, with several workers, which of them saw it, and whether it had heard in time of a name
# that another one learned: they are not at the same place of the file. Each worker logs a certificate
# once, and a notice when its share of the traffic is enough for one.
any_order() {
    sed -E 's/\tworker-[0-9]+\t/\tworker\t/' | awk -F '\t' -v OFS='\t' '
        /^#path/ {x509 = $2 == "x509"; notice = $2 == "notice"; name = 0}
        /^#fields/ {for (i = 2; i <= NF; i++) if ($i == "resolved_name") name = i - 1}
        /^[0-9]/ && name {$name = "(name)"}
        x509 && /^[0-9]/ {if (seen[$2]++) next; $1 = "(time)"}
        notice && /^[0-9]/ {if (seen[$11, $14, $15]++) next; print $11, $14, $15; next}
        {print}' | sort
}

# same_logs EXPECTED-FOLDER GOT-FOLDER [sorted]: prints a diff, status 1, if they differ.
same_logs() {
    local log order=${3:-cat} status=0
    [ "$order" = cat ] || order=any_order
    for log in $( (cd "$1" && ls; cd "$ROOT" && cd "$2" && ls) 2>/dev/null | sort -u); do
        if ! diff -u --label "expected/$log" --label "now/$log" \
            <(mask "$1/$log" 2>/dev/null | $order) <(mask "$2/$log" 2>/dev/null | $order); then
            status=1
        fi
    done
    return $status
}

alone() { printf 'tests/golden/run.sh %s %s' "$commands" "$1"; }

golden() {
    local case=$1 dir=tests/golden/$1 input out=$work/$1 log
    input=$(echo "$dir"/input.*)
    local args=()
    [ -e "$dir/args" ] && read -ra args <"$dir/args"
    if ! replay "$out" -r "$input" "${args[@]}"; then
        head -n 5 "$out.err"
        fail "golden:$case" "the run failed" "$(alone "$case")"
        return
    fi
    if [ -n "$update" ]; then
        rm -rf "$dir/expected"
        mkdir -p "$dir/expected"
        for log in "$out"/*.log; do
            mask "$log" >"$dir/expected/$(basename "$log")"
        done
        return
    fi
    if same_logs "$dir/expected" "$out" >"$out.diff"; then
        pass "golden:$case"
    else
        head -n 40 "$out.diff"
        fail "golden:$case" "the logs differ" "$(alone "$case")"
    fi
    replay "$out-2" -r "$input" --workers 2 "${args[@]}"
    if same_logs "$out" "$out-2" sorted >"$out.diff"; then
        pass "golden:$case with two workers"
    else
        head -n 40 "$out.diff"
        head -n 5 "$out-2.err"
        fail "golden:$case with two workers" "other logs than with one" "$(alone "$case")"
    fi
}

stdin_equals_file() {
    local case=$1 input
    input=$(echo tests/golden/"$case"/input.*)
    replay "$work/file" -r "$input"
    rm -rf "$work/stdin" && mkdir "$work/stdin"
    timeout 60 "$commands/spliff-cluster" run -r - --log-dir "$work/stdin" --quiet \
        < <(cat "$input") 2>"$work/stdin.err"
    if same_logs "$work/file" "$work/stdin" >"$work/diff"; then
        pass "golden:stdin equals file, $case"
    else
        head -n 40 "$work/diff" "$work/stdin.err"
        fail "golden:stdin equals file, $case" "the logs differ" "$(alone "$case")"
    fi
}

json_equals_tsv() {
    local case=$1 input
    input=$(echo tests/golden/"$case"/input.*)
    replay "$work/tsv" -r "$input"
    replay "$work/json" -r "$input" --log-format json
    if python3 tests/golden/same_content.py "$work/tsv" "$work/json" >"$work/diff"; then
        pass "golden:json equals tsv, $case"
    else
        head -n 20 "$work/diff"
        fail "golden:json equals tsv, $case" "the contents differ" "$(alone "$case")"
    fi
}

# The capture cut inside its last packet must log what it logs cut before that packet, say so in one
# line that names the file, and end with the status for broken input.
truncated() {
    local name='golden:truncated capture' whole=$work/whole.pcap cut=$work/cut.pcap status
    python3 - "$whole" "$cut" <<'PYTHON'
import struct, sys
data = open("tests/golden/http1-keep-alive/input.pcap", "rb").read()
at = [24]
while at[-1] < len(data):
    at.append(at[-1] + 16 + struct.unpack("<I", data[at[-1] + 8 : at[-1] + 12])[0])
middle = at[len(at) // 2]
open(sys.argv[1], "wb").write(data[:middle])
open(sys.argv[2], "wb").write(data[: middle + 30])
PYTHON
    chmod 644 "$whole" "$cut"
    replay "$work/before" -r "$whole" || true
    replay "$work/after" -r "$cut"
    status=$?
    if [ $status -eq 0 ]; then
        fail "$name" "exit status 0" "$(alone)"
    elif [ "$(grep -c 'cut\.pcap' "$work/after.err")" -ne 1 ]; then
        cat "$work/after.err"
        fail "$name" "not one line on standard error that names the file" "$(alone)"
    elif [ ! -s "$work/after/conn.log" ] || ! same_logs "$work/before" "$work/after" >"$work/diff"; then
        cat "$work/diff"
        fail "$name" "what could be read is not all logged" "$(alone)"
    else
        pass "$name"
    fi
}

for case; do
    golden "$case"
done
if [ -z "$update" ] && [ "$only" -eq 0 ]; then
    for case in http1-methods pcapng pcap-gzip; do
        stdin_equals_file $case
    done
    for case in http1-methods http1-continue dns-udp tls12 tls-client-certificate fragments4 icmp; do
        json_equals_tsv $case
    done
    truncated
fi
finish

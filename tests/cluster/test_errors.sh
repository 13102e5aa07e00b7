#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The errors that a user meets: each is one line on standard error that names the thing, with a
# status that is not 0, and leaves no process behind.
. "$(dirname "$0")/lib.sh"
net_up || die 'cannot make the link'
chmod 755 "$WORK"
node_cfg 2
spliff_cfg
capture=$ROOT/tests/golden/http1-methods/input.pcap
cp "$capture" "$WORK/good.pcap"

# refused NAME STATUS PATTERN COMMAND...: exactly that status, one line, and the line says it.
refused() {
    local name=$1 status=$2 pattern=$3 got
    shift 3
    "$@" >"$WORK/refused.out" 2>"$WORK/refused.err" </dev/null
    got=$?
    if [ "$got" -ne "$status" ]; then
        cat "$WORK/refused.err"
        fail "$TEST: $name" "status $got instead of $status" "$ALONE"
    elif [ "$(wc -l <"$WORK/refused.err")" -ne 1 ] || ! grep -qE "$pattern" "$WORK/refused.err"; then
        cat "$WORK/refused.err"
        fail "$TEST: $name" "not one line that matches $pattern" "$ALONE"
    else
        pass "$TEST: $name"
    fi
}
# As a user without rights. The commands must be readable for that user.
install -m 755 -D -t "$WORK/bin" "$BIN"/spliff-*
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
spliff=$WORK/bin/spliff-cluster
run() { server "$spliff" run --quiet "$@"; }

out=(--log-dir "$WORK/out")

refused 'missing interface' 1 'eth77.*sv0' run -i eth77 "${out[@]}"
refused 'missing file' 1 'no/such\.pcap' run -r no/such.pcap "${out[@]}"
refused 'a folder as capture' 1 "$WORK" run -r "$WORK" "${out[@]}"
printf 'This is no capture.\n' >"$WORK/text.pcap"
refused 'not a capture' 65 'text\.pcap' run -r "$WORK/text.pcap" "${out[@]}"
: >"$WORK/empty.pcap"
refused 'empty file' 65 'empty\.pcap' run -r "$WORK/empty.pcap" "${out[@]}"
head -c 3000 "$capture" >"$WORK/cut.pcap"
refused 'truncated capture' 65 'cut\.pcap' run -r "$WORK/cut.pcap" "${out[@]}"
head -c 24 "$capture" | sed 's/\x01\x00\x00\x00$/\xdd\x00\x00\x00/' >"$WORK/link.pcap"
refused 'unknown link type' 65 'link\.pcap.*221' run -r "$WORK/link.pcap" "${out[@]}"
refused 'bad filter' 2 'tcp prot 80' run -r "$WORK/good.pcap" -f 'tcp prot 80' "${out[@]}"
# In the mount namespace that `server` gives it, libpcap is an empty file.
without_libpcap() {
    server bash -c 'for f in $(ldconfig -p | grep -o "/[^ ]*/libpcap\.so[^ ]*"); do
                        mount --bind /dev/null "$f" || exit 99
                    done
                    exec "$@"' - "$spliff" run --quiet "$@"
}
refused 'filter without libpcap' 2 'libpcap cannot be loaded: install it' \
    without_libpcap -r "$WORK/good.pcap" -f 'tcp port 80' "${out[@]}"
without_libpcap -r "$WORK/good.pcap" "${out[@]}" && [ -s "$WORK/out/http.log" ] &&
    pass "$TEST: no filter, no libpcap" || fail "$TEST: no filter, no libpcap" 'the run failed' "$ALONE"
refused 'unknown option' 2 'no-such-option' run --no-such-option
refused 'unknown command' 2 'strat' server "$spliff" strat
refused 'nothing to read' 2 '.' run
printf 'x\n' >"$WORK/file"
refused 'log folder that is a file' 1 "$WORK/file" run -r "$WORK/good.pcap" --log-dir "$WORK/file/logs"
mkdir -m 755 "$WORK/closed"
refused 'unwritable log folder' 77 "$WORK/closed" \
    nobody "$spliff" run --quiet -r "$WORK/good.pcap" --log-dir "$WORK/closed/logs"
refused 'no permission to capture' 77 'root|CAP_NET_RAW' \
    server setpriv --reuid=65534 --regid=65534 --clear-groups "$spliff" run --quiet -i sv0 --format text
refused 'few open files' 1 '50 files may be open, and up to 80 are needed: ulimit -n 80' \
    server setpriv --bounding-set=-sys_resource --inh-caps=-sys_resource \
    bash -c 'ulimit -n 50; exec "$@"' few "$spliff" run --quiet -i sv0 "${out[@]}"
for output in "$WORK/good.pcap" "$WORK/same.pcap"; do
    ln -sf good.pcap "$WORK/same.pcap"
    refused "output into the input, as $(basename "$output")" 2 'would be the capture that is read' \
        run -r "$WORK/good.pcap" --format pcap -o "$output"
    cmp -s "$capture" "$WORK/good.pcap" ||
        fail "$TEST: input" 'the capture that was read is another one now' "$ALONE"
done
# Each of several workers says it, and that is how it ends.
printf 'quic_table_size = 67108864\n' >"$WORK/large.cfg"
(
    ulimit -v 6000000
    "$spliff" run --quiet -r "$WORK/good.pcap" --workers 2 --config "$WORK/large.cfg" "${out[@]}"
) 2>"$WORK/large.err"
if [ $? -eq 1 ] && grep -q 'worker-2: error: .* lower .*quic_table_size' "$WORK/large.err" &&
    ! grep -q signal "$WORK/large.err"; then
    pass "$TEST: no memory for tables"
else
    cat "$WORK/large.err"
    fail "$TEST: no memory for tables" 'it did not end by saying what to lower' "$ALONE"
fi
refused 'plaintext of a file' 2 'a file has none' run -r "$WORK/good.pcap" --plaintext
refused 'a process without plaintext' 2 'comm.*--plaintext' run -i sv0 --comm curl
refused 'latency without plaintext' 2 'latency.*--plaintext' run -i sv0 --show-latency
refused 'no number of a process' 2 "pid: 'curl'" run -i sv0 --plaintext --pid curl
refused 'no prefix' 2 "address: '192.0.2.1'" run -i sv0 --plaintext --address 192.0.2.1
refused 'exchanges as JSON' 2 'add --format text' run -i sv0 --headers --format json
refused 'no permission to watch processes' 77 'root.*CAP_BPF' \
    server setpriv --reuid=65534 --regid=65534 --clear-groups "$spliff" run --quiet -i sv0 --plaintext
refused 'root without the rights of root' 77 'root.*CAP_BPF' \
    server setpriv --bounding-set=-bpf "$spliff" run --quiet -i sv0 --plaintext

printf 'state_dir = %s\nlog_rotatoin_interval = 1h\n' "$STATE" >"$WORK/bad.cfg"
refused 'unknown configuration key' 1 'bad\.cfg:2.*log_rotation_interval' \
    server "$spliff" check --config "$WORK/bad.cfg" --node-cfg "$WORK/node.cfg"
printf 'udp_inactivity_timeout = soon\n' >"$WORK/bad.cfg"
refused 'bad configuration value' 1 'bad\.cfg:1' \
    server "$spliff" check --config "$WORK/bad.cfg" --node-cfg "$WORK/node.cfg"
printf 'state_dir = %s\nflow_table_size = 1\n' "$STATE" >"$WORK/bad.cfg"
refused 'configuration value beyond its limits' 1 'bad\.cfg:2.*at least 1024' \
    server "$spliff" check --config "$WORK/bad.cfg" --node-cfg "$WORK/node.cfg"
printf 'state_dir = state\n' >"$WORK/bad.cfg"
refused 'state folder that depends on where one stands' 1 'bad\.cfg:1.*begins with /' \
    server "$spliff" start --config "$WORK/bad.cfg" --node-cfg "$WORK/node.cfg"
printf 'plaintext_delay = 1min\n' >"$WORK/bad.cfg"
refused 'plaintext that would wait too long' 1 'bad\.cfg:1.*at most 1s' \
    server "$spliff" check --config "$WORK/bad.cfg" --node-cfg "$WORK/node.cfg"
sed 's/lb_procs=2/lb_procs=many/' "$WORK/node.cfg" >"$WORK/bad.node"
refused 'bad node.cfg' 1 "bad\.node:14" \
    server "$spliff" start --config "$WORK/spliff.cfg" --node-cfg "$WORK/bad.node"

refused 'no cluster to ask' 1 "no cluster runs on $STATE: spliff-cluster start" \
    server "$spliff" print counters --config "$WORK/spliff.cfg"
printf 'state_dir = %s/file/state\n' "$WORK" >"$WORK/bad.cfg"
refused 'state folder in a file' 1 "$WORK/file/state: Not a directory; set another state_dir" \
    server "$spliff" start --config "$WORK/bad.cfg" --node-cfg "$WORK/node.cfg"

# Also with memory that is overwritten when it is freed.
mkdir -p "$STATE/control.sock"
printf 'state_dir = %s\nlog_dir = %s\nuser = nobody\n' "$STATE" "$LOGS" >"$WORK/bad.cfg"
refused 'a folder where a socket goes' 1 "cannot listen on $STATE/control.sock" \
    server env MALLOC_PERTURB_=165 "$spliff" start --config "$WORK/bad.cfg" --node-cfg "$WORK/node.cfg"
rmdir "$STATE/control.sock"

# What check finds is a line of a node on standard output.
checked() {
    if ! server "$spliff" check --config "$3" --node-cfg "$4" >"$WORK/checked.out" && grep -qE "$2" "$WORK/checked.out"; then
        pass "$TEST: $1"
    else
        cat "$WORK/checked.out"
        fail "$TEST: $1" "check does not say $2" "$ALONE"
    fi
}
printf 'state_dir = %s\nprefilter-only = %s/nolist\n' "$STATE" "$WORK" >"$WORK/bad.cfg"
checked 'a list that cannot be read' "^manager failed: prefilter-only: cannot read $WORK/nolist" \
    "$WORK/bad.cfg" "$WORK/node.cfg"
sed 's/interface=sv0/interface=eth77/' "$WORK/node.cfg" >"$WORK/bad.node"
checked 'a missing interface' '^worker-1 failed: no interface eth77; there are: .*sv0' \
    "$WORK/spliff.cfg" "$WORK/bad.node"

# Without rights a capture file is still read, and the logs belong to who asked for them.
mkdir -m 777 "$WORK/mine"
if nobody "$spliff" run --quiet -r "$WORK/good.pcap" --log-dir "$WORK/mine/logs" 2>"$WORK/mine.err" &&
    [ "$(stat -c %u "$WORK/mine/logs/http.log")" = 65534 ]; then
    pass "$TEST: replay without root"
else
    cat "$WORK/mine.err"
    fail "$TEST: replay without root" 'no logs' "$ALONE"
fi
processes=$(pgrep -f "^$WORK/bin/" | wc -l)
[ "$processes" -eq 0 ] || fail "$TEST" "$processes processes are left behind" "$ALONE"
finish

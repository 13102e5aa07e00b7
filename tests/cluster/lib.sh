# SPDX-License-Identifier: BSD-3-Clause
# Sourced by each cluster test: a link with real servers (tests/netns.sh) and a cluster beside them,
# capturing at the servers' end. Everything lies in $WORK and is gone at the end, however it ends.

set -u
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$ROOT/tests/netns.sh"

TEST=cluster:$(basename "$0" .sh)
ALONE="tests/cluster/$(basename "$0")"
BIN=${BIN:-$ROOT/build/bin}
WORK=$(mktemp -d /tmp/spliff-test.XXXXXX)
STATE=$WORK/state
LOGS=$WORK/logs

why=$(net_missing)
if [ -n "$why" ]; then
    rm -rf "$WORK"
    skip "$TEST" "$why"
    finish
    exit
fi

# tool_missing NAME: why there is no build/tools/cluster/NAME; nothing if there is one.
tool_missing() {
    local file=build/tools/cluster/$1 lacks=
    [ ! -e "$ROOT/$file" ] || return
    case $1 in *.bpf.o)
        command -v clang >/dev/null || lacks="$lacks, no clang"
        [ -n "$(PATH=$PATH:/usr/sbin:/sbin command -v bpftool)" ] || lacks="$lacks, no bpftool"
        pkg-config --exists libbpf 2>/dev/null || lacks="$lacks, no libbpf with headers" ;;
    esac
    echo "$file is not built: ${lacks:+${lacks#, }; then }make $file"
}

cluster() {
    local command=$1
    shift
    server "$BIN/spliff-cluster" "$command" --config "$WORK/spliff.cfg" --node-cfg "$WORK/node.cfg" "$@"
}

cleanup() {
    local pid
    [ -e "$STATE/control.sock" ] && cluster stop >/dev/null 2>&1
    # What a failed test has left behind: everything that still runs in the namespaces we made.
    for pid in $(ip netns pids "$NET_SERVER" 2>/dev/null) $(ip netns pids "$NET_CLIENT" 2>/dev/null); do
        case " ${NET_PIDS[*]} " in *" $pid "*) ;; *) kill -9 "$pid" 2>/dev/null ;; esac
    done
    net_down
    rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# die WHAT-BROKE: ends the test, with what the processes said.
die() {
    tail -n 15 "$WORK"/*.err "$STATE"/*.stderr 2>/dev/null
    fail "$TEST" "$1" "$ALONE"
    finish
    exit 1
}

# node_cfg_of LINE...: a logger, and workers of which the lines say what they read and how many they are.
node_cfg_of() {
    cat >"$WORK/node.cfg" <<CFG
[manager]
type=manager
host=localhost

[logger-1]
type=logger
host=localhost

[worker]
type=worker
host=localhost
$(printf '%s\n' "$@")
CFG
}

# node_cfg WORKERS [INTERFACE METHOD]
node_cfg() { node_cfg_of "interface=${2:-sv0}" "lb_method=${3:-af_packet}" "lb_procs=$1"; }

# Short waits, so that tests are short; everything else as shipped.
spliff_cfg() {
    cat >"$WORK/spliff.cfg" <<CFG
state_dir = $STATE
log_dir = $LOGS
log_flush_interval = 100ms
CFG
}

# begin [WORKERS]: link, servers and configuration; the cluster is not started.
begin() {
    chmod 755 "$WORK"
    mkdir -p "$WORK/www"
    net_up || die 'cannot make the link'
    start_nginx "$WORK/www" || die 'nginx does not start'
    start_dnsmasq "$WORK/www" || die 'dnsmasq does not start'
    : >"$WORK/www/access.log"
    node_cfg "${1:-2}"
    spliff_cfg
}

start() {
    cluster start >"$WORK/start.out" 2>"$WORK/start.err" || die "start: status $?"
}

stop() {
    cluster stop >"$WORK/stop.out" 2>"$WORK/stop.err" || die "stop: status $?"
}

# records LOG: all its lines so far, archived or not, without headers.
records() {
    { cat "$LOGS/current/$1.log"; zcat -f "$LOGS"/*-*-*/"$1".*; } 2>/dev/null | grep -v '^#'
}

# column LOG FIELD: that field of every record.
column() {
    { cat "$LOGS/current/$1.log"; zcat -f "$LOGS"/*-*-*/"$1".*; } 2>/dev/null |
        awk -F '\t' -v want="$2" '/^#fields/ {for (i = 2; i <= NF; i++) if ($i == want) c = i - 1}
            !/^#/ {print $c}'
}

# has_uri URI: http.log has it.
has_uri() { column http uri | grep -qx -- "$1"; }

count() { records "$1" | wc -l; }

# has_records LOG N, for wait_for.
has_records() { [ "$(count "$1")" -ge "$2" ]; }

# node_pid NODE
node_pid() {
    cluster status 2>/dev/null | awk -v n="$1" '$1 == n && $4 == "running" {print $5}'
}

all_running() { cluster status >/dev/null; }

# at_rest PID, for wait_for: no thread of it runs for a while. One that asks again and again, or that
# something wakes many times a second, never is; how busy the machine is makes no difference.
at_rest() {
    local before
    before=$(ran "$1") || return
    case $before in *'R (running)'*) return 1 ;; esac
    sleep 0.3 # the while
    [ "$(ran "$1")" = "$before" ]
}
ran() { grep -E '^State|_ctxt_switches' /proc/"$1"/task/*/status; }

# counter NAME...: their sum over all nodes, of a cluster that runs.
counter() {
    cluster status --json | python3 -c '
import json, sys
nodes = json.load(sys.stdin)["nodes"]
print(sum(n.get("counters", {}).get(name, 0) for n in nodes for name in sys.argv[1:]))' "$@"
}

# One request on a connection of its own, or several on one.
get() { client curl -sk --max-time 10 "$@" >/dev/null; }

# flood FRAMES FLOWS: datagrams to ports from 20000 on, at once.
flood() {
    client python3 - $SERVER4 "$@" <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
frames, flows = int(sys.argv[2]), int(sys.argv[3])
for n in range(frames):
    to = (sys.argv[1], 20000 + n % flows)
    try:
        s.sendto(b"x" * 100, to)
    except ConnectionRefusedError:  # told of the one before
        s.sendto(b"x" * 100, to)
PY
}

# same_requests: every request that nginx answered is in http.log once. Prints a diff.
same_requests() {
    diff <(cut -d ' ' -f 2 "$WORK/www/access.log" | sort) <(column http uri | sort)
}

# SPDX-License-Identifier: BSD-3-Clause
# Sourced after lib.sh by tests that need huge pages of 2 MB: reserves some and mounts them.

HUGE_SETTING=/proc/sys/vm/nr_hugepages

# huge_pages_up N: prints why there can be none; nothing if there are N free ones in $WORK/huge.
huge_pages_up() {
    HUGE_BEFORE=$(cat $HUGE_SETTING 2>/dev/null) || { echo 'this kernel has no huge pages'; return; }
    echo $((HUGE_BEFORE + $1)) 2>/dev/null >$HUGE_SETTING
    [ "$(awk '/HugePages_Free/ {print $2}' /proc/meminfo)" -ge "$1" ] ||
        { echo "cannot reserve $1 huge pages"; huge_pages_down; return; }
    mkdir -p "$WORK/huge"
    mount -t hugetlbfs none "$WORK/huge" 2>/dev/null || { echo 'cannot mount huge pages'; huge_pages_down; }
}

huge_pages_down() {
    umount "$WORK/huge" 2>/dev/null
    [ -z "${HUGE_BEFORE:-}" ] || echo "$HUGE_BEFORE" 2>/dev/null >$HUGE_SETTING
}

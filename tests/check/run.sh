#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Everything about the sources that can be told without running them. `make check` calls this with
# CHECK_FLAGS (what the compiler gets) and CHECK_DOCS (what is printed from tables) set, after the
# release build.
set -u
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1

out=build/check
mkdir -p $out
eval "flags=(${CHECK_FLAGS:?run this by: make check})"
mapfile -t formatted < <(find worker manager logger common bpf tests -name '*.[ch]' | sort)
mapfile -t sources < <(find worker manager logger common -name '*.c' | sort)
jobs=$(nproc)

# check NAME COMMAND...: one case, its output shown when it fails.
check() {
    local name=$1
    shift
    if "$@" >"$out/$name.log" 2>&1; then
        grep '^note: ' "$out/$name.log"
        pass "check:$name"
    else
        tail -n 60 "$out/$name.log"
        fail "check:$name" "see the lines above or $out/$name.log" "make check"
    fi
}

format() {
    clang-format --dry-run -Werror "${formatted[@]}"
}

syntax_clang() {
    printf '%s\0' "${sources[@]}" |
        xargs -0 -n 4 -P "$jobs" clang "${flags[@]}" -fsyntax-only
}

# Of cppcheck's own checks, those for uninitialized variables are left to the compilers and clang-tidy:
# it takes a buffer that a callee fills for one that a callee reads.
cppcheck_all() {
    mkdir -p $out/cppcheck
    cppcheck -q -j "$jobs" --cppcheck-build-dir=$out/cppcheck --std=c11 --language=c \
        --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
        --suppress=missingInclude --suppress=missingIncludeSystem --suppress=unknownMacro \
        --suppress=uninitvar --suppress=ctuuninitvar -I. -D_GNU_SOURCE "${sources[@]}"
}

# clang-tidy takes a second or two a file, so a file is looked at again only when it, a header, or the
# list of checks has changed since it was found clean.
tidy_one() {
    local source=$1 headers=$2 sum
    shift 2
    sum=$( (cat "$source" && echo "$headers $*") | sha1sum | cut -d ' ' -f 1)
    [ ! -e "$out/tidy/$sum" ] || return 0
    clang-tidy --quiet "$source" -- "$@" 2>/dev/null && : >"$out/tidy/$sum"
}

tidy() {
    local headers
    mkdir -p $out/tidy
    headers=$( (find worker manager logger common -name '*.h' -o -name '*.def' | sort |
        xargs cat && cat .clang-tidy) | sha1sum)
    export -f tidy_one
    export out
    printf '%s\0' "${sources[@]}" |
        xargs -0 -I {} -P "$jobs" bash -c 'tidy_one "$@"' _ {} "$headers" "${flags[@]}"
}

scripts() {
    local script status=0
    while read -r script; do
        bash -n "$script" || status=1
    done < <(find tests .ci -name '*.sh' -o -path '.ci/run')
    for script in $(grep -rl --include='*.sh' --include='*.py' '^#!/' tests) .ci/run; do
        [ -x "$script" ] || { echo "$script: not executable"; status=1; }
    done
    find tests -name '*.py' -print0 | xargs -0 python3 -c '
import ast, sys
for path in sys.argv[1:]:
    ast.parse(open(path, encoding="utf-8").read(), path)' || status=1
    return $status
}

# What is printed from the .def tables says what they say now.
docs() {
    local doc status=0
    for doc in $CHECK_DOCS; do
        build/bin/spliff-cluster docs "${doc%:*}" >"$out/doc" || return 1
        diff -u "${doc#*:}" "$out/doc" || status=1
    done
    [ $status -eq 0 ] || echo 'the tables have changed: run make docs'
    return $status
}

# The systemd unit allows the sockets that are opened.
unit() {
    local family status=0
    for family in $(grep -rhoE --include='*.c' '\<socket\(AF_[A-Z0-9]+' worker manager logger common |
        cut -d '(' -f 2 | sort -u); do
        grep -q "^RestrictAddressFamilies=.*\<$family\>" etc/spliff.service && continue
        echo "etc/spliff.service: RestrictAddressFamilies lacks $family"
        status=1
    done
    return $status
}

# Who sees a loss grow finds a row that says what to do.
losses() {
    local counter status=0
    for counter in $(sed -n 's/^| `\([^`]*\)` | [^|]* | loss | .*/\1/p' docs/counters.md); do
        grep -h '^|' docs/tuning.md docs/plaintext.md | grep -qF "\`$counter\`" && continue
        echo "$counter: no table of docs/tuning.md or docs/plaintext.md says what to do"
        status=1
    done
    return $status
}

check format format
check dependencies python3 tests/check/dependencies.py
check dependencies-self-test python3 tests/check/dependencies.py --self-test
check form python3 tests/check/form.py
check form-self-test python3 tests/check/form.py --self-test
check scripts scripts
check docs docs
check unit unit
check losses losses
check clang syntax_clang
check cppcheck cppcheck_all
check clang-tidy tidy
finish

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Form of the sources that no formatter holds: licence line, lengths, leftovers, Makefile lists.

usage: form.py [ROOT]     prints errors and warnings, status 1 if there is an error
       form.py --self-test
"""
import os
import re
import sys

FUNCTION_MAX, FUNCTION_WARN = 100, 60
FILE_MAX, FILE_WARN = 800, 600
SOURCES = (".c", ".h", ".def", ".py", ".sh")
NAMED = ("Makefile", "run")  # scripts without a suffix
LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX)\b")


def files(root):
    """Every source of the project, relative to root."""
    for top in ("worker", "manager", "logger", "common", "bpf", "etc", "tests", ".ci"):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith(SOURCES) or name in NAMED:
                    yield os.path.relpath(os.path.join(folder, name), root)
    yield "Makefile"


def functions(lines):
    """(name, first line, number of lines, body) of each function: its braces stand in column 0."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            head = " ".join(lines[max(0, start - 6) : start - 1])
            names = re.findall(r"(\w+)\(", head.rsplit("}", 1)[-1].rsplit(";", 1)[-1])
            yield (names or ["?"])[0], start, number - start - 1, lines[start : number - 1]
            start = None


def flat_switch(body):
    """Whether a function is one switch and a few lines around it."""
    outer = [x for x in body if x and len(x) - len(x.lstrip()) <= 4]
    outer = [x for x in outer if not re.match(r"    (case\b|default:)", x)]
    return sum(x.startswith("    switch (") for x in outer) == 1 and len(outer) < 16


def check_c(path, lines):
    for name, at, length, body in functions(lines):
        if length > FUNCTION_MAX and not flat_switch(body):
            yield True, f"{path}:{at}: {name} has {length} lines; {FUNCTION_MAX} is the most"
        elif length > FUNCTION_WARN:
            yield False, f"{path}:{at}: {name} has {length} lines"
    if len(lines) > FILE_MAX:
        yield True, f"{path}: {len(lines)} lines; {FILE_MAX} is the most"
    elif len(lines) > FILE_WARN:
        yield False, f"{path}: {len(lines)} lines"


def check_file(path, text):
    """Yields (is an error, message)."""
    lines = text.split("\n")
    if not any("SPDX-License-Identifier: " in line for line in lines[:2]):
        yield True, f"{path}: its first line has no SPDX-License-Identifier"
    if path.endswith((".c", ".h")):
        yield from check_c(path, lines)
    if path != "tests/check/form.py":
        for number, line in enumerate(lines, 1):
            if LEFTOVER.search(line):
                yield True, f"{path}:{number}: leftover: {line.strip()}"


def check_makefile(root, paths):
    with open(os.path.join(root, "Makefile"), encoding="utf-8") as f:
        text = f.read()
    for path in paths:
        # What lies in tests/ is named by its registration, without folder or suffix.
        name = re.sub(r"^tests/(unit/|fuzz/)?(.*)\.c$", r"\2", path)
        if path.endswith(".c") and not path.startswith("bpf/") and name not in text:
            yield True, f"{path}: the Makefile does not build it"


def scan(root):
    paths = list(files(root))
    for path in paths:
        with open(os.path.join(root, path), encoding="utf-8") as f:
            yield from check_file(path, f.read())
    yield from check_makefile(root, paths)


def self_test():
    spdx = "/* SPDX-License-Identifier: BSD-3-Clause */\n"
    lines = "    x();\n" * (FUNCTION_MAX + 1)
    switch = "    switch (x) {\n" + "    case 1:\n        y();\n" * FUNCTION_MAX + "    }\n"
    planted = [
        ("no licence", True, "int f(void)\n{\n}\n"),
        ("nothing wrong", False, spdx + "int f(void)\n{\n}\n"),
        ("long function", True, spdx + "int f(void)\n{\n" + lines + "}\n"),
        ("flat switch", False, spdx + "int f(int x)\n{\n" + switch + "}\n"),
        ("leftover", True, spdx + "/* TODO */\n"),
        ("long file", True, spdx + "\n" * (FILE_MAX + 1)),
    ]
    status = 0
    for what, bad, text in planted:
        if bad != any(error for error, _ in check_file("worker/x.c", text)):
            print(f"form.py: planted text was judged wrongly: {what}")
            status = 1
    return status


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    found = list(scan(sys.argv[1] if len(sys.argv) > 1 else "."))
    for error, message in found:
        print(("error: " if error else "note: ") + message)
    return any(error for error, _ in found)


sys.exit(main())

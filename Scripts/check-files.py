#!/usr/bin/env python3
"""Checks what no formatter does: the sizes of files, and words that sources must not have."""
import pathlib
import re
import subprocess
import sys

LONGEST = 600
# Bad data must throw; only our own bugs may trap, and those say so with `precondition`.
FORBIDDEN = [
    (re.compile(r"\btry!"), "try!"),
    (re.compile(r"\bfatalError\("), "fatalError"),
    (re.compile(r"\bas! "), "as!"),
]
SLEEPS = re.compile(r"Task\.sleep|Thread\.sleep|\busleep\(")
UNCHECKED = re.compile(r"@unchecked Sendable|nonisolated\(unsafe\)")


def main() -> int:
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.swift"],
        check=True, capture_output=True, text=True).stdout.split()
    problems = []
    for name in files:
        path = pathlib.Path(name)
        if not path.exists():
            continue
        lines = path.read_text().splitlines()
        if len(lines) > LONGEST:
            problems.append(f"{name}: {len(lines)} lines; {LONGEST} are the most")
        for number, line in enumerate(lines, 1):
            code = line.split("//")[0]
            for pattern, word in FORBIDDEN:
                if name.startswith("Sources/") and pattern.search(code):
                    problems.append(f"{name}:{number}: {word}")
            if name.startswith("Tests/") and SLEEPS.search(code):
                problems.append(f"{name}:{number}: a sleep in a test")
            if UNCHECKED.search(code) and "//" not in (lines[number - 2] if number > 1 else "") and "//" not in line:
                problems.append(f"{name}:{number}: no reason beside it: {code.strip()}")
    if not files:
        problems.append("no files were found: this check would say nothing")
    for problem in problems:
        print(f"files: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

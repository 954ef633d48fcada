#!/usr/bin/env python3
"""Checks that the rings hold: which module may depend on which, from `swift package dump-package`.

A module's ring is the first folder of its path under `Sources/`. The build checks that no module imports what its
target does not name (`--explicit-target-dependency-import-check error`), so targets tell the whole truth.
"""
import json
import subprocess
import sys

ALLOWED = {
    "C": {"C"},
    "Core": {"Core"},
    "Ports": {"Core", "Ports"},
    "Adapters": {"C", "Core", "Ports"},
    "Services": {"Core", "Ports", "Services"},
    "App": {"C", "Core", "Ports", "Adapters", "Services", "App"},
    "Testing": {"Core", "Ports", "Testing"},
}
# Services share one module among themselves, and never depend on each other.
SHARED_SERVICE = "ServiceSupport"


def main() -> int:
    dump = subprocess.run(["swift", "package", "dump-package"], check=True, capture_output=True, text=True).stdout
    targets = json.loads(dump)["targets"]
    rings, problems = {}, []
    for target in targets:
        if target["type"] == "test":
            continue
        parts = (target.get("path") or "").split("/")
        if len(parts) < 2 or parts[0] != "Sources" or parts[1] not in ALLOWED:
            problems.append(f"{target['name']}: its path {target.get('path')} is in no ring")
            continue
        rings[target["name"]] = parts[1]
    arrows = 0
    for target in targets:
        name = target["name"]
        if name not in rings:
            continue
        for dependency in target["dependencies"]:
            other = (dependency.get("byName") or dependency.get("target") or [None])[0]
            if other not in rings:
                continue
            arrows += 1
            ring, inner = rings[name], rings[other]
            if inner not in ALLOWED[ring]:
                problems.append(f"{name} ({ring}) depends on {other} ({inner})")
            if ring == "Services" and inner == "Services" and other != SHARED_SERVICE:
                problems.append(f"{name} depends on {other}: services do not depend on each other")
    if not rings or not arrows:
        problems.append("no modules or no arrows were found: this check would say nothing")
    for problem in problems:
        print(f"rings: {problem}", file=sys.stderr)
    if not problems:
        print(f"rings: {len(rings)} modules, {arrows} arrows, all inwards")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

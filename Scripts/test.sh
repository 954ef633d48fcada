#!/usr/bin/env bash
# Runs the tests that were built; ends with what failed, as the log is long and the suites run at once.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
Scripts/swift.sh test --skip-build --parallel --disable-xctest 2>&1 | tee "$log" && exit 0
echo
echo "What failed (all of it stands above, with the words 'recorded an issue'):"
grep -aE '✘ .*recorded an issue|: error: |signal code|Fatal error' "$log" | head -50 || echo "no test by itself: see above"
exit 1

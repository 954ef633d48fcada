#!/usr/bin/env bash
# Every bench once, on this machine: figures as JSON, one line a bench, behind what the machine is.
set -euo pipefail
millrace=${1:-.build-release/release/millrace}
[ -x "$millrace" ] || { echo "bench: there is no $millrace: run 'make build' first" >&2; exit 1; }
echo "machine: $(nproc) cores, $(awk '/MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo), Linux $(uname -r), load $(cut -d' ' -f1 /proc/loadavg)"
for bench in "steps" "throughput" "ingest" "coldstart" "coldstart --task resize" "hop" "idle" "metering" "metering --processes 1000" "images" "dispatch" "rescale"; do
    # shellcheck disable=SC2086  # the words of a bench's arguments
    printf '%s: %s\n' "$bench" "$("$millrace" bench $bench -o json)"
done

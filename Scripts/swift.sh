#!/usr/bin/env bash
# Runs swift as given; a build tells its outcome by its exit status, and its errors without the noise of dependencies.
set -euo pipefail
cd "$(dirname "$0")/.."
exec swift "$@"

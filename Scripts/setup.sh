#!/usr/bin/env bash
# Installs the system's packages that are missing: says which, asks nothing, and does nothing where all are there.
set -euo pipefail

fail() { echo "setup: $*" >&2; exit 1; }

command -v swift >/dev/null || fail "there is no swift on the PATH: install Swift 6.2 or later from https://swift.org/install, then try again"
version=$(swift --version 2>/dev/null | grep -oE 'Swift version [0-9]+\.[0-9]+' | grep -oE '[0-9]+\.[0-9]+' | head -n 1)
case "$version" in
    [0-5].*|6.0|6.1) fail "this is Swift $version; Millrace needs 6.2 or later: https://swift.org/install" ;;
esac

# What builds and runs Millrace: headers of SQLite and zlib; libvips, which only image workers load; gnuplot for plots;
# Python for the checks; time and stress-ng, which the tests compare the metering of commands with.
packages=(libsqlite3-dev zlib1g-dev libvips42 gnuplot-nox python3 time stress-ng git make)
missing=()
for package in "${packages[@]}"; do
    # Ubuntu 24.04 renamed some packages for 64-bit time: libvips42 is libvips42t64 there.
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' && continue
    dpkg-query -W -f='${Status}' "${package}t64" 2>/dev/null | grep -q 'install ok installed' && continue
    missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

command -v apt-get >/dev/null || fail "missing: ${missing[*]}; this is no Debian or Ubuntu: install them with your package manager"
sudo=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "missing: ${missing[*]}; as root: apt-get install ${missing[*]}"
    sudo="sudo"
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq || fail "apt-get update failed: see above; is the network there?"
for index in "${!missing[@]}"; do
    if ! apt-cache show "${missing[$index]}" >/dev/null 2>&1; then missing[index]="${missing[$index]}t64"; fi
done
$sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || fail "apt-get install ${missing[*]} failed: see above"

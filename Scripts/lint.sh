#!/usr/bin/env bash
# The style, the rings and the sizes of files: what can be checked without building.
set -euo pipefail
cd "$(dirname "$0")/.."
swift format lint --strict --recursive Sources Tests Package.swift
python3 Scripts/check-rings.py
python3 Scripts/check-files.py
echo "lint: style, rings and files are as they should be"

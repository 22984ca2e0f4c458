#!/usr/bin/env bash
# The Swift package's tests, where there is a Swift toolchain and a package.
set -euo pipefail
cd "$(dirname "$0")/.."
package=ios_sample/MobileCatKit
if [ ! -f "$package/Package.swift" ]; then
  echo "swift test: NOT_RUN, there is no $package yet"
elif ! command -v swift >/dev/null; then
  echo "swift test: NOT_RUN, no swift on this machine (https://swift.org/install)"
else
  swift test --package-path "$package"
fi

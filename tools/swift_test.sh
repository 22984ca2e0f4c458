#!/usr/bin/env bash
# MobileCatKit's tests and the app's simulated session; then the app's own sources, without a Mac.
set -euo pipefail
cd "$(dirname "$0")/.."
package=ios_sample/MobileCatKit
if ! command -v swift >/dev/null; then
  echo "swift test: NOT_RUN, no swift on this machine (https://swift.org/install)"
else
  swift test --package-path "$package"
fi
tools/check_ios.sh

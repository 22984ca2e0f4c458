#!/usr/bin/env bash
# MobileCatKit's tests and the simulated sessions; then the app with its bridges on fakes of Apple's
# frameworks, without a Mac.
set -euo pipefail
cd "$(dirname "$0")/.."
package=ios_sample/MobileCatKit
if ! command -v swift >/dev/null; then
  echo "swift test: NOT_RUN, no swift on this machine (https://swift.org/install)"
else
  # The session with the cat models themselves: they are exported anew where something is newer.
  python=$PWD/.venv/bin/python cats=$PWD/build/ios
  if "$python" -c 'import mobilecat, cv2' 2>/dev/null; then
    if [ ! -f "$cats/bundle.json" ] || [ -n "$(find mobilecat ios_sample/Cats \
      \( -name '*.py' -o -name '*.onnx' -o -name '*.toml' \) -newer "$cats/bundle.json" -print -quit)" ]; then
      tools/export_cats.sh "$python" "$cats"
    fi
    export MOBILECAT_PYTHON=$python MOBILECAT_CATS=$cats
  else
    echo "swift test: NOT_RUN with the cat models, no mobilecat in .venv (make test installs it)"
  fi
  swift test --package-path "$package"
  if [ "$(uname)" = Darwin ]; then
    echo "swift test: NOT_RUN for the bridges, their fakes are for Linux; a Mac has the frameworks"
  else
    swift test --package-path ios_sample/stubs
  fi
fi
tools/check_ios.sh

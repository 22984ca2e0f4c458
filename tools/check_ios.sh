#!/usr/bin/env bash
# The app's Swift without a Mac: everything parses; app and bridges type-check against ios_sample/stubs.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v swiftc >/dev/null; then
  echo "ios check: NOT_RUN, no swiftc on this machine (https://swift.org/install)"
  exit 0
fi
kit=ios_sample/MobileCatKit
build=$kit/.build/stubs-$(swiftc --version 2>&1 | cksum | cut -d' ' -f1)
mkdir -p "$build"
# Two runs at once share the folder: the second waits. (macOS has no flock; nor have we two runs.)
exec 9>"$build/lock"
if command -v flock >/dev/null; then flock 9; fi

find ios_sample -name '*.swift' -not -path '*/.build/*' -print0 | xargs -0 swiftc -frontend -parse
echo "ios check: every Swift source parses"

# Language mode 5 is what the project builds in.
swift5() { swiftc -swift-version 5 -parse-as-library -I "$build" "$@"; }
module() { # name, sources…
  swift5 -emit-module -module-name "$1" -emit-module-path "$build/$1.swiftmodule" "${@:2}"
}
stale() { # stamp, folders…
  [ ! -f "$build/$1" ] || [ -n "$(find "${@:2}" -newer "$build/$1" -print -quit)" ]
}
# Stamps are of the time before a build: what is saved meanwhile is newer, and built next time.
if stale stubs ios_sample/stubs tools/check_ios.sh; then
  touch "$build/now"
  # In the order of their imports.
  for name in CoreGraphics ImageIO QuartzCore CoreVideo CoreMedia CoreML CryptoKit Vision \
    AVFoundation UIKit PhotosUI; do
    module "$name" "ios_sample/stubs/$name.swift"
  done
  mv "$build/now" "$build/stubs"
  rm -f "$build/kit"
fi
if stale kit "$kit/Sources/MobileCatKit"; then
  touch "$build/now"
  mapfile -t sources < <(find "$kit/Sources/MobileCatKit" -name '*.swift' | sort)
  module MobileCatKit "${sources[@]}"
  mv "$build/now" "$build/kit"
fi
echo "ios check: MobileCatKit type-checks with its bridges to Apple's frameworks"

mapfile -t sources < <(find ios_sample/CatCam -name '*.swift' | sort)
swift5 -typecheck -module-name CatCam "${sources[@]}"
echo "ios check: the app type-checks, ${#sources[@]} files"

swiftc -swift-version 5 -typecheck -I "$build" "$kit/Sources/vision-golden/main.swift"
echo "ios check: vision-golden type-checks"

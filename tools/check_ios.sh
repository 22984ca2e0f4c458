#!/usr/bin/env bash
# The app's Swift without a Mac: everything parses; app and bridges type-check against ios_sample/stubs.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v swiftc >/dev/null; then
  echo "ios check: NOT_RUN, no swiftc on this machine (https://swift.org/install)"
  exit 0
fi
find ios_sample -name '*.swift' -not -path '*/.build/*' -print0 | xargs -0 swiftc -frontend -parse
echo "ios check: every Swift source parses"
if [ "$(uname)" = Darwin ]; then
  echo "ios check: NOT_RUN against stubs, a Mac has the real interfaces; build it: xcodebuild -project \
ios_sample/CatCam.xcodeproj -scheme CatCam -destination generic/platform=iOS CODE_SIGNING_ALLOWED=NO"
  exit 0
fi

kit=ios_sample/MobileCatKit
build=$kit/.build/stubs-$(swiftc --version 2>&1 | cksum | cut -d' ' -f1)
mkdir -p "$build"
# Two runs at once share the folder: the second waits.
exec 9>"$build/lock"
flock 9

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
    AVFoundation UIKit PhotosUI CoreImage; do
    module "$name" "ios_sample/stubs/$name.swift"
  done
  # Core AI lends memory: values that may not outlive what they look at.
  module CoreAI ios_sample/stubs/CoreAI.swift -enable-experimental-feature Lifetimes
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

# The landmark model's contract would be a second ModelContract: the app does not compile it.
mapfile -t sources < <(find ios_sample/CatCam -name '*.swift' -not -path '*/LandmarkModel/*' | sort)
swift5 -typecheck -module-name CatCam "${sources[@]}"
find ios_sample/CatCam/LandmarkModel -name '*.swift' -exec \
  swiftc -swift-version 5 -parse-as-library -I "$build" -typecheck {} +
echo "ios check: the app type-checks, ${#sources[@]} files"

swiftc -swift-version 5 -typecheck -I "$build" "$kit/Sources/vision-golden/main.swift"
echo "ios check: vision-golden type-checks"

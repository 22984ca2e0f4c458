#!/usr/bin/env bash
# The app's Swift without a Mac: everything parses; app and bridges build against ios_sample/stubs.
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

# Language mode 5, as the project builds in: what of the app has no tests is built all the same.
fakes=ios_sample/stubs
swift build --quiet --package-path "$fakes"
modules=$(swift build --package-path "$fakes" --show-bin-path)/Modules
echo "ios check: MobileCatKit's bridges and the app build against ios_sample/stubs"

# The landmark model's contract would be a second ModelContract: the app does not compile it.
swiftc -swift-version 5 -parse-as-library -I "$modules" -typecheck \
  ios_sample/CatCam/LandmarkModel/ModelContract.swift
swiftc -swift-version 5 -I "$modules" -typecheck \
  ios_sample/MobileCatKit/Sources/vision-golden/main.swift
echo "ios check: the landmark model's contract and vision-golden type-check"

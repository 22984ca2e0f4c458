#!/usr/bin/env bash
# The Android kit on a JVM: compiled with kotlinc, held to golden/vectors and to tests of its own. The
# jar is kept by its sources' hash, so that only a change compiles again.
set -euo pipefail
cd "$(dirname "$0")/.."
for needed in java kotlinc; do
  if ! command -v "$needed" >/dev/null; then
    echo "android kit: NOT_RUN, no $needed on this machine (Debian: apt install kotlin)"
    exit 0
  fi
done
sources=android_sample/kit/src
hash=$(find "$sources" -name '*.kt' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
jar=build/android/kit-$hash.jar
if [ ! -f "$jar" ]; then
  mkdir -p build/android
  rm -f build/android/kit-*.jar
  # Debian's kotlinc asks the JVM for 256 MB, in which it spends most of its time collecting garbage.
  JAVA_OPTS=${JAVA_OPTS:--Xmx1g -XX:+UseSerialGC -XX:TieredStopAtLevel=1} \
    kotlinc "$sources" -include-runtime -d "$jar.new.jar"
  mv "$jar.new.jar" "$jar"
fi
java -XX:TieredStopAtLevel=1 -cp "$jar" mobilecat.kit.MainKt \
  golden/vectors ios_sample/MobileCatKit/Tests/Fixtures

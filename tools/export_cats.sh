#!/usr/bin/env bash
# The app's cat models: tools/export_cats.sh PYTHON OUT [--ios DIR]. Core AI's files are left out,
# and that is said, where no coreai-core writes them.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1 out=$2
shift 2
specs=ios_sample/Cats
if ! "$python" -c '
import sys
from mobilecat.formats.table import FORMATS
reason = FORMATS["coreai"].missing()
sys.exit(reason and f"Core AI: NOT_RUN for the cats, {reason}")'; then
  # Two folders deep as well: their sources are relative.
  specs=build/cats
  mkdir -p "$specs"
  for spec in ios_sample/Cats/*.toml; do
    sed '/^\[\[targets.coreai\]\]/,/^$/d' "$spec" > "$specs/$(basename "$spec")"
  done
fi
exec "$python" -m mobilecat export "$specs/cats.toml" -o "$out" "$@"

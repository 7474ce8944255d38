#!/bin/bash
# Colors an archive of scans as one would whose originals matter: says first what will be done, does it, lists what failed,
# and shows on a sample that the outputs can be made again from the originals.
#
#   examples/archive/color-archive.sh SCANS COLORED [OPTION ...]
#
# SCANS    a folder with pictures, in folders as deep as you like; nothing in it is changed
# COLORED  a folder for the colored pictures, which may be there: what is done already is not done again
# OPTION   options for `libcolorize`, such as --style natural or --to jpeg
#
# COLORED/log.jsonl has a record of each picture. Ctrl-C stops it; the same line goes on.
set -euo pipefail

if [ $# -lt 2 ]; then
  echo "usage: $0 SCANS COLORED [OPTION ...]" >&2
  exit 64
fi
scans=$1 colored=$2
shift 2

mkdir -p "$colored"
log=$colored/log.jsonl

echo "$(libcolorize --dry-run "$@" -o "$colored" "$scans" | grep -c -e ' -> ') pictures"

# 1: some could not be colored. That is no reason to stop here.
libcolorize "$@" --log "$log" -o "$colored" "$scans" || [ $? -eq 1 ]

# The last run's records, without a program for JSON: a status stands in each.
tac "$log" | sed '/"run": "begun"/q' | grep '"status": "failed"' >"$colored/failed.jsonl" || true
echo "$(wc -l <"$colored/failed.jsonl") failed: $colored/failed.jsonl"

# One in a hundred, and the first.
find "$colored" -type f ! -name '*.jsonl' ! -name '*.xmp' | sort | awk 'NR % 100 == 1' | while IFS= read -r picture; do
  original=$scans/${picture#"$colored"/}
  [ -e "$original" ] || continue   # With --to or --name it is called otherwise.
  printf '%s: ' "$picture"
  libcolorize reproduce "$picture" --from "$original"
done

#!/bin/bash
# Teaches the built-in model the palette of some pictures (an archive's, a comic's, one film's), and says how much
# that gave.
#
#   examples/training/fine-tune.sh PICTURES OTHERS OUT [OPTION ...]
#
# PICTURES  some dozens of color pictures (PNG, JPEG), in folders or tars: what is learnt from
# OTHERS    a folder with a few more of the same kind: what the model is measured on, and never learns from
# OUT       a folder to make: the model, sheets of pictures, metrics, checkpoints
# OPTION    options for `libcolorize train`, which hold instead of those here
#
# With 50 pictures it takes a minute or two on two cores. Ctrl-C stops it; the same line with --resume behind it goes on.
set -euo pipefail

if [ $# -lt 3 ]; then
  echo "usage: $0 PICTURES OTHERS OUT [OPTION ...]" >&2
  exit 64
fi
pictures=$1 others=$2 out=$3
shift 3

options=(
  --init default           # Begin with the built-in model, not with random weights.
  --size 128               # At the size at which the model will see a picture.
  --batch 8 --steps 300    # Each of 50 pictures is seen 48 times, each time another part of it.
  --learning-rate 5e-4     # A quarter of what a model is trained with from scratch: this one is near its goal.
  --warmup 20              # From 0, so that the first steps do no harm while Adam knows nothing of the gradients.
  --freeze stem stage      # What edges and textures look like is the same in any palette; steps are faster, too.
  --lambda 0.8             # A small set has no rare colors worth going after.
  --validation "$others"   # Figures and sheets of pictures that it has not seen ...
  --samples-every 100      # ... every so often.
  --checkpoint-every 100
)
libcolorize train --data "$pictures" --out "$out" "${options[@]}" "$@"

echo "before:"
libcolorize evaluate --network-size 128 "$others"
echo
echo "after:"
libcolorize evaluate --network-size 128 --model "$out/model.safetensors" "$others"
echo
echo "to use it: libcolorize --model $out/model.safetensors PHOTO"

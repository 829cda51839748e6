#!/usr/bin/env bash
# What a GPU makes of the recipes, in at most ten minutes, as a report in Markdown for SPEED.md.
#
#   PYTHON=python3 benchmarks/gpu.sh [OUT_FOLDER]          on a machine with a GPU, the wheel and PyTorch
#   SMALL=1 benchmarks/gpu.sh                               the same at a tiny size, to try the script on a processor
#
# Four parts, each with a limit of its own, so that one that hangs does not take the others' time: bare steps of PyTorch at
# its best; the same network through the starter; the program on Vulkan, where a build with that feature is named in
# VULKAN; whole recipes. What fails is said and the rest goes on.
set -uo pipefail
cd "$(dirname "$0")/.."
out=${1:-$(mktemp -d)}
mkdir -p "$out"
python=${PYTHON:-python3}
small=${SMALL:-}
dataset=${DATASET:-$([ -n "$small" ] && echo drawn || echo imagenette2-160)}
part() { # NAME SECONDS COMMAND…
    local name=$1 seconds=$2 begun=$SECONDS
    shift 2
    # Ten minutes are all there is.
    ((SECONDS + seconds > 590)) && seconds=$((590 - SECONDS))
    if ((seconds < 5)); then
        echo "$name: not run: the ten minutes were over" >>"$out/parts.txt"
        return
    fi
    if timeout "$seconds" "$@" >"$out/$name.log" 2>&1; then status=done; else status="failed with status $?"; fi
    echo "$name: $status after $((SECONDS - begun)) s" >>"$out/parts.txt"
}
: >"$out/parts.txt"
steps=$([ -n "$small" ] && echo 2 || echo 100)
part steps 150 "$python" benchmarks/gpu_steps.py --dataset "$dataset" --steps "$steps" ${small:+--small}
if [ -n "${VULKAN:-}" ]; then
    part vulkan-f32 120 "$VULKAN" bench --train --device vulkan --recipe epochs-10 --steps 20
    part vulkan-bf16 60 "$VULKAN" bench --train --device vulkan --recipe epochs-10 --steps 20 --precision bf16
else
    echo "vulkan: not run: name a build with that feature in VULKAN" >>"$out/parts.txt"
fi
recipes=${RECIPES:-$([ -n "$small" ] && echo quick || echo "fast-85 fast-90 epochs-5 epochs-10 epochs-30 epochs-60")}
for recipe in $recipes; do
    limit=$([ "$recipe" = epochs-60 ] || [ -n "$small" ] && echo 300 || echo 90)
    flags=$([ -n "$small" ] && echo "--epochs 1 --set batch_size=250 --set resolution=32 --set evaluation.resolution=32")
    # shellcheck disable=SC2086
    part "train-$recipe" "$limit" "$python" -m imagenette.starter --recipe "$recipe" --dataset "$dataset" --seed 1 \
        --evaluate-every 1 --out "$out/$recipe-s1" ${COMPILE:+--compile "$COMPILE"} $flags
done
{
    echo "# $("$python" -c 'import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU: a processor")')"
    echo
    "$python" -c 'import sys, torch; print("PyTorch", torch.__version__, "on", sys.argv[1])' "$dataset"
    echo
    cat "$out/steps.log" 2>/dev/null
    for log in "$out"/vulkan-*.log; do [ -f "$log" ] && { echo; echo "## ${log##*/}"; tail -n 20 "$log"; }; done
    echo
    echo "## Recipes, trained by the starter"
    for log in "$out"/train-*.log; do echo; echo "### ${log##*/}"; tail -n 70 "$log"; done
    echo
    echo "## Parts"
    cat "$out/parts.txt"
} | tee "$out/report.md"
grep -q failed "$out/parts.txt" && exit 1
exit 0

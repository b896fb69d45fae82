#!/usr/bin/env bash
# Builds gogepo for an installed PyTorch, tests it on the GPU and measures it. Needs no network, no nvcc and no npm:
#   NODE=<Node> PYTHON=<a Python with PyTorch> GOGEPO_MUJOCO=<the folder of libmujoco.so.3.14.0 and include/> DEVICE=cuda:0 bench/gpu.sh
# dist/ and node_modules/ come with the checkout, made by `npm ci && npx tsc` where there is a network. Of node_modules, the
# build needs node-addon-api and node-api-headers; running needs the dependencies in package.json. Continues after a
# failure; the exit status is then 1.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
node=${NODE:-node} python=${PYTHON:-python3} device=${DEVICE:-cuda:0}
: "${GOGEPO_MUJOCO:?expected GOGEPO_MUJOCO to name the folder of libmujoco.so.3.14.0 and include/}"
GOGEPO_LIBTORCH=$("$python" -c 'import os, torch; print(os.path.dirname(torch.__file__))') || exit
export GOGEPO_LIBTORCH GOGEPO_MUJOCO
[ -f dist/cli/main.js ] || { echo "There is no dist/: run npx tsc where there is a network, and copy it here." >&2; exit 1; }

echo "# $("$python" -c 'import torch; print("PyTorch", torch.__version__)'), $("$node" --version)"
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || echo "nvidia-smi finds no GPU"
cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DGOGEPO_LIBTORCH="$GOGEPO_LIBTORCH" -DGOGEPO_MUJOCO="$GOGEPO_MUJOCO" >/dev/null && ninja -C build loader engine || exit
ninja -C build cuda_part || echo "Without CUDA's headers (next to this PyTorch, in CUDA_HOME or /usr/local/cuda), updates run with the slow reference backend."

failed=0
try() { "$node" "$@" || { failed=1; echo "FAILED: node $*"; }; }
try dist/cli/main.js doctor
try test/device.mjs "$device"
for part in update learners; do try bench/main.mjs --only "$part" --device "$device" --python "$python"; done
try bench/main.mjs --only iteration --device "$device" --task Hopper-v5 --python "$python"
exit "$failed"

#!/usr/bin/env bash
# Builds the wheel, installs it with the newest dependencies into a clean environment, and runs a texture, a caption and an
# environment from an empty folder: what a person has who installs drawgen and has no clone of it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
uv build --quiet --wheel --out-dir dist "$root"
uv venv --quiet --python "${PYTHON:-3.11}" venv
uv pip install --quiet --python venv/bin/python --upgrade dist/*.whl
mkdir empty && cd empty
drawgen() { ../venv/bin/drawgen "$@"; }
drawgen --version
drawgen texture photo:gravel -o gravel.png --size 64x64 --steps 2
drawgen sample char_rnn --length 20 >text.txt
drawgen caption photo:coffee >captions.txt
../venv/bin/python - <<'PYTHON'
import gymnasium

env = gymnasium.make("drawgen_envs:drawgen/Canvas-v0")
env.reset(seed=0)
env.step(env.action_space.sample())
PYTHON
for file in gravel.png text.txt captions.txt; do test -s "$file"; done
echo "the wheel works"

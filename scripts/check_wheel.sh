#!/usr/bin/env bash
# Builds the source distribution, and the wheel from it; looks into the wheel; installs it with the newest dependencies into a clean
# environment; and runs a texture, a caption and an environment from an empty folder: what a person has who installs drawgen and has
# no clone of it. PYTHON is the version to install for (3.12); TMPDIR has to allow programs to run.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/var/tmp}/drawgen-wheel.XXXXXX") # /tmp is often small, or mounted noexec
trap 'rm -rf "$work"' EXIT
unset PYTHONPATH UV_LINK_MODE # uv's own way, links into its cache, takes 3 s where copies take 30, and copies where links cannot be
cd "$work"
uv build --quiet --out-dir dist "$root"
files=$(python3 -m zipfile -l dist/drawgen-*.whl | cut -d' ' -f1)
for file in drawgen/py.typed drawgen_envs/py.typed drawgen/look.css drawgen/jobs/gallery.css drawgen/studio/page/studio.js \
  drawgen/assets/ride/dirt/model.safetensors 'drawgen-.*/licenses/LICENSE'; do
  grep -qx "$file" <<<"$files" || { echo "the wheel lacks $file"; exit 1; }
done
if grep -v '^File\|^drawgen/\|^drawgen_envs/\|^drawgen-.*\.dist-info/' <<<"$files"; then
  echo "the wheel holds these files, which are not the packages'"
  exit 1
fi
uv venv --quiet --python "${PYTHON:->=3.11}" venv
uv pip install --quiet --python venv/bin/python dist/drawgen-*.whl
mkdir empty
cd empty
drawgen() { ../venv/bin/drawgen "$@"; }
drawgen --version
drawgen texture photo:gravel -o gravel.png --size 64x64 --steps 20
drawgen caption photo:coffee >captions.txt
../venv/bin/python -W error - <<'PYTHON'
import drawgen
import gymnasium

assert "site-packages" in drawgen.__file__, drawgen.__file__
env = gymnasium.make("drawgen_envs:drawgen/Canvas-v0")
env.reset(seed=0)
env.step(env.action_space.sample())
PYTHON
for file in gravel.png gravel.model/model.safetensors captions.txt; do test -s "$file"; done
echo "the wheel works: Python $(../venv/bin/python -c 'import platform, torch; print(platform.python_version(), "torch", torch.__version__)')"

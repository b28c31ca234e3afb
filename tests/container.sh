#!/usr/bin/env bash
# The main commands as they run in a container that is started with --user: the installation (a wheel, and the packages of the virtual
# environment) can be read and not written, there is no HOME, the user has no name, /tmp has 16 MB, and the working folder is elsewhere.
#
#   tests/container.sh [PYTHON]     of the virtual environment that has the packages; .venv/bin/python by default. Wants root and Linux.
#
# A private mount namespace makes it so: nothing is seen of it outside, nothing is left behind. Where mounting is not allowed (a container
# without CAP_SYS_ADMIN), or without root, it says so, checks nothing and ends with 0. Any command that fails ends it with 1.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() { echo "container check skipped: $1"; exit 0; }

if [ "${1:-}" != --inside ]; then
  python=${1:-.venv/bin/python}
  [ "$(id -u)" = 0 ] || skip "it takes root to become another user"
  for tool in unshare mount setpriv; do
    command -v "$tool" >/dev/null || skip "there is no $tool (Debian: apt install util-linux mount)"
  done
  unshare --mount --propagation private mount -t tmpfs tmpfs /mnt 2>/dev/null || skip "mounting is not allowed here"
  wheel=$(mktemp -d)
  trap 'rm -rf "$wheel"' EXIT
  uv build --quiet --wheel --out-dir "$wheel" .
  unshare --mount --propagation private "$0" --inside "$(realpath -s "$python")" "$wheel"/drawgen-*.whl
  exit
fi

# ---------------------------------------------------------------- in the namespace, still as root

python=$2 wheel=$3
base=$("$python" -c 'import sys; print(sys.base_prefix)')
packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
name=$("$python" -c 'import sys; print(f"python{sys.version_info.major}.{sys.version_info.minor}")')
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir -m 755 /mnt/python /mnt/packages /mnt/app
# Bound, since Python often lies in a home that others cannot enter. As PYTHONPATH its .pth files (the editable drawgen) do not count.
mount --bind "$base" /mnt/python
mount --bind "$packages" /mnt/packages
"$python" -m zipfile -e "$wheel" /mnt/app
"$python" -m compileall -q /mnt/app
chmod -R a+rX /mnt/app
mkdir /mnt/work
mount -t tmpfs -o mode=700,uid=54321 tmpfs /mnt/work
for folder in /mnt/python /mnt/packages /mnt; do mount -o remount,bind,ro "$folder"; done
mount -t tmpfs -o size=16m,mode=1777 tmpfs /tmp
cd /mnt/work

as() { # UID COMMAND ...: with an empty environment, and no privilege to find again
  local id=$1
  shift
  setpriv --reuid="$id" --regid="$id" --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all \
    env -i PATH=/usr/bin:/bin LD_LIBRARY_PATH=/mnt/python/lib PYTHONPATH=/mnt/app:/mnt/packages PYTHONWARNINGS=error "$@"
}
python() { as 54321 "/mnt/python/bin/$name" "$@"; }
check() { # SENTENCE COMMAND ...
  local began=$SECONDS sentence=$1
  shift
  if ! "$@" >/tmp/said 2>&1; then
    cat /tmp/said
    echo "container check FAILED: $sentence"
    exit 1
  fi
  if grep -n "Traceback\|Warning:\|cannot cache" /tmp/said; then
    echo "container check FAILED: $sentence ended with 0, but said this"
    exit 1
  fi
  echo "container: $sentence ($((SECONDS - began)) s)"
}
drawgen() { check "drawgen $*" python -m drawgen.cli "$@"; }

# what is checked below would be empty if any of these were not so
python - <<'END'
import os, drawgen, drawgen_envs
assert os.geteuid() == 54321 and "HOME" not in os.environ and os.path.expanduser("~") == "~", "the user has a home"
for module in drawgen, drawgen_envs:
    folder = os.path.dirname(module.__file__)
    assert folder.startswith("/mnt/app/") and not os.access(folder, os.W_OK), f"{folder} can be written to"
place = os.statvfs("/tmp")
assert place.f_blocks * place.f_frsize == 2**24, "/tmp is large"
assert not os.access("/mnt/packages", os.W_OK) and os.access(".", os.W_OK), "the folders are not as they should be"
END

drawgen --help
drawgen list
drawgen texture photo:gravel --steps 2 --size 64x64 -o texture.png
drawgen paint photo:coffee --strokes 20 --size 96x64 -o painting.png
drawgen sample draw -o digits.png
drawgen sample char_rnn --length 50
drawgen sample painter -o characters.png
check "a drawn scene" python -c 'from pathlib import Path; from drawgen import images; from drawgen.data.scenes import Scenes
data = Scenes(side_px=64); images.save_image(Path("scene.png"), data.batch_of([data.scene("test", 0)]).images[0])'
drawgen caption scene.png
check "gymnasium.make" python -c 'import gymnasium
env = gymnasium.make("drawgen_envs:drawgen/Canvas-v0"); env.reset(seed=0); print(env.step(env.action_space.sample())[0]["canvas"].shape)'
# another user finds the first one's folder in /tmp, and has a home that is not there
mkdir -m 777 /tmp/other
cd /tmp/other
check "as nobody: drawgen sample char_rnn" as 65534 "/mnt/python/bin/$name" -m drawgen.cli sample char_rnn --length 50
cd /mnt/work

for file in texture.png painting.png digits.png characters.png; do
  [ -s "$file" ] || { echo "container check FAILED: $file was not written"; exit 1; }
done
left=$(find /mnt/work -mindepth 1 -maxdepth 1 ! -name '*.png' ! -name '*.json' ! -name '*.svg' ! -name texture.model)
[ -z "$left" ] || { echo "container check FAILED: left in the working folder: $left"; exit 1; }
echo "container check passed; /tmp holds $(du -sh /tmp | cut -f1)"

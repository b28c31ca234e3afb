#!/usr/bin/env bash
# The main commands as they run in a container that is started with --user: the installation (a wheel, and the packages of the virtual
# environment) can be read and not written, there is no HOME, the user has no name, /tmp has 16 MB, and the working folder is elsewhere.
#
#   tests/container.sh [PYTHON]     that of the virtual environment with the packages (.venv/bin/python). Wants root and Linux.
#
# A private mount namespace makes it so: nothing of it is seen outside, nothing is left behind. Where mounting is not allowed (itself in a
# container without CAP_SYS_ADMIN) /tmp is as large as it is, and Python has to lie where others can read it; what cannot be checked is
# said, and the end is 0. Any command that fails, or complains, makes it 1.
set -euo pipefail
cd "$(dirname "$0")/.."
NOBODY=65534 STRANGER=54321 # one user with a name and a home that is not there, one without

skip() { echo "container check skipped: $1"; exit 0; }
fail() { echo "container check FAILED: $1"; exit 1; }

if [ "${1:-}" != --inside ]; then
  python=$(realpath -s "${1:-.venv/bin/python}")
  [ "$(id -u)" = 0 ] || skip "it takes root to become another user"
  command -v setpriv >/dev/null || skip "there is no setpriv (Debian: util-linux)"
  made=$(mktemp -d /var/tmp/drawgen-container.XXXXXX)
  trap 'rm -rf "$made"' EXIT
  uv build --quiet --wheel --out-dir "$made" .
  if unshare --mount --propagation private mount -t tmpfs tmpfs /mnt 2>/dev/null; then
    unshare --mount --propagation private tests/container.sh --inside "$python" "$made"/drawgen-*.whl /mnt
  else
    echo "container: mounting is not allowed here, so /tmp is as large as it is"
    chmod 755 "$made"
    tests/container.sh --inside "$python" "$made"/drawgen-*.whl "$made"
  fi
  exit
fi

# ---------------------------------------------------------------- the place, made by root: python, packages, app, work

python=$2 wheel=$3 place=$4
base=$("$python" -c 'import sys; print(sys.base_prefix)')
packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
name=$("$python" -c 'import sys; print(f"python{sys.version_info.major}.{sys.version_info.minor}")')
if [ "$place" = /mnt ]; then
  mount -t tmpfs -o mode=755 tmpfs /mnt
  mkdir /mnt/python /mnt/packages /mnt/work
  mount --bind "$base" /mnt/python # bound, since Python often lies in a home that others cannot enter
  mount --bind "$packages" /mnt/packages
  mount -t tmpfs tmpfs /mnt/work
else
  mkdir "$place/work"
  ln -s "$base" "$place/python"
  ln -s "$packages" "$place/packages"
fi
"$python" -m zipfile -e "$wheel" "$place/app"
"$python" -m compileall -q "$place/app"
chmod -R a+rX,go-w "$place/app"
mkdir -m 700 "$place"/work/{stranger,nobody}
chown $STRANGER "$place/work/stranger"
chown $NOBODY "$place/work/nobody"
chmod 755 "$place/work"
if [ "$place" = /mnt ]; then
  for folder in /mnt/python /mnt/packages /mnt; do mount -o remount,bind,ro "$folder"; done
  mount -t tmpfs -o size=16m,mode=1777 tmpfs /tmp
fi

as() { # UID COMMAND ...: with an empty environment, and no way back. As PYTHONPATH the packages' .pth files do not count: no editable drawgen.
  local id=$1
  shift
  setpriv --reuid="$id" --regid="$id" --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all \
    env -i PATH=/usr/bin:/bin LD_LIBRARY_PATH="$place/python/lib" PYTHONPATH="$place/app:$place/packages" "$@"
}
user=$STRANGER
python() { as "$user" "$place/python/bin/$name" "$@"; }
check() { # SENTENCE COMMAND ...
  local began=$SECONDS sentence=$1 said
  shift
  said=$("$@" 2>&1) || { echo "$said"; fail "$sentence"; }
  if grep "Traceback\|Warning:\|cannot cache" <<<"$said"; then
    fail "$sentence ended with 0, but said this"
  fi
  echo "container: $sentence ($((SECONDS - began)) s)"
}
drawgen() { check "drawgen $*" python -m drawgen.cli "$@"; }

cd "$place/work/stranger"
if ! python -c 'import torch' 2>/dev/null; then
  [ "$place" != /mnt ] || fail "python does not start"
  skip "others cannot read $base or $packages, and mounting is not allowed"
fi
# What follows would check nothing if any of these were not so.
python - "$place" <<'END'
import os, sys, drawgen, drawgen_envs
place = sys.argv[1]
assert os.geteuid() == 54321 and "HOME" not in os.environ and os.path.expanduser("~") == "~", "the user has a home"
for folder in (os.path.dirname(drawgen.__file__), os.path.dirname(drawgen_envs.__file__), f"{place}/packages", f"{place}/python/lib"):
    assert folder.startswith(place + "/") and not os.access(folder, os.W_OK), f"{folder} can be written to"
assert os.access(".", os.W_OK), "the working folder cannot be written to"
size = os.statvfs("/tmp")
assert place != "/mnt" or size.f_blocks * size.f_frsize == 2**24, "/tmp is large"
END

# ---------------------------------------------------------------- the commands, two at a time

strokes() {
  drawgen paint photo:coffee --strokes 20 --size 96x64 -o painting.png
  drawgen sample painter -o characters.png
  check "gymnasium.make" python -c 'import gymnasium
env = gymnasium.make("drawgen_envs:drawgen/Canvas-v0"); env.reset(seed=0); print(env.step(env.action_space.sample())[0]["canvas"].shape)'
}
others() {
  drawgen --help
  drawgen list
  drawgen texture photo:gravel --steps 2 --size 64x64 -o texture.png
  drawgen sample draw -o digits.png
  drawgen sample char_rnn --length 50
  check "a drawn scene" python -c 'from pathlib import Path; from drawgen import images; from drawgen.data.scenes import Scenes
data = Scenes(side_px=64); images.save_image(Path("scene.png"), data.batch_of([data.scene("test", 0)]).images[0])'
  drawgen caption scene.png
}
strokes &
others || exit 1
wait $!
for file in texture.png painting.png digits.png characters.png; do
  [ -s "$file" ] || fail "$file was not written"
done
left=$(find . -mindepth 1 -maxdepth 1 ! -name '*.png' ! -name '*.json' ! -name '*.svg' ! -name texture.model)
[ -z "$left" ] || fail "left in the working folder: $left"

# the first user's folder among the temporary files is not this one's
cd "$place/work/nobody"
user=$NOBODY
drawgen sample char_rnn --length 50
[ -z "$(ls -A)" ] || fail "left in the working folder: $(ls -A)"
[ "$(find /tmp -maxdepth 1 -name 'drawgen-numba-*' -user $NOBODY | wc -l)" = 1 ] || fail "nobody has no folder of its own in /tmp"
echo "container check passed; of its 16 MB /tmp holds $(du -sh /tmp 2>/dev/null | cut -f1)"

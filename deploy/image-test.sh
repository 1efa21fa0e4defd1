#!/usr/bin/env bash
# Builds the image from the Dockerfile and runs it for real, with no Docker engine: buildah builds and
# runs it in a chroot, on a Debian bookworm made by debootstrap in place of a base from a hub. Needs
# root, buildah and debootstrap, and says "skipped" where one is missing.
#
#   WHEELS=DIR        a folder of wheels for the build to find, beside what pip's settings name here
#   TORCH_INDEX=URL   as in the Dockerfile
set -euo pipefail
cd "$(dirname "$0")/.."

base=localhost/tanger-base:bookworm # kept from run to run
image=localhost/tanger:image-test   # replaced by each run, then left for a look
LIMIT=310 LANGUAGES=60 # megabytes with English alone, and of the other languages, without torch; `du -m`
export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs} # works within a container, too
export BUILDAH_ISOLATION=chroot BUILDAH_FORMAT=docker # the OCI format has no place for a HEALTHCHECK

step() { printf '\n== %s\n' "$*"; }
fail() { printf 'image-test: FAIL: %s\n' "$*" >&2; exit 1; }
skip() { printf 'image-test: skipped: %s\n' "$*"; exit 0; }

[[ $(id -u) == 0 ]] || skip "not root"
for tool in buildah debootstrap; do
    command -v "$tool" >/dev/null || skip "no $tool here (Debian: apt-get install buildah debootstrap)"
done

scratch=$(mktemp -d)
container='' run_pid=''
cleanup() {
    local status=$?
    # Nothing that was started may outlive the test, the service's own children included.
    if [[ -n $run_pid ]]; then family "$run_pid" | xargs kill -KILL 2>/dev/null || true; fi
    [[ -z $container ]] || buildah rm "$container" >/dev/null || true
    rm -rf "$scratch"
    exit "$status"
}
trap cleanup EXIT

# --- the base image -------------------------------------------------------------------------------

if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
    step "base image: debootstrap"
    container=$(buildah from scratch)
    root=$(buildah mount "$container")
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
        bookworm "$root" >"$scratch/debootstrap.log" || { tail -20 "$scratch/debootstrap.log"; fail "debootstrap"; }
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    buildah commit --quiet --rm "$container" "$base" >/dev/null
    container=''
fi

# --- the build ------------------------------------------------------------------------------------

# pip in the build is to find what pip finds here, so it gets the settings of this one, from whichever
# file or variable they come, and a view of the files and folders that they name.
if [[ -d ${WHEELS:-} ]]; then
    PIP_FIND_LINKS="$(realpath "$WHEELS") ${PIP_FIND_LINKS:-}"
    export PIP_FIND_LINKS
fi
{
    echo '[global]'
    { python3 -m pip config list 2>/dev/null || true; } |
        sed -nE "s/^[^.]+\.([^=]+)='(.*)'$/\1 = \2/p" | sed 's/\\n/ /g' | awk -F ' = ' '!seen[$1]++'
} >"$scratch/pip.conf"
volumes=(--volume "$scratch/pip.conf:/etc/pip.conf:ro")
for word in $(sed -n 's/^[^=]* = //p' "$scratch/pip.conf" | tr ' ' '\n' | sort -u); do
    path=${word#file://}
    path=${path%/simple} # an index refers to the files beside it
    if [[ $path == /* && -e $path ]]; then volumes+=(--volume "$path:$path:ro"); fi
done

step "build"
SECONDS=0
buildah rmi "$image" >/dev/null 2>&1 || true # else it would stay behind without a name
buildah bud --quiet --layers=false --build-arg BASE="$base" \
    ${TORCH_INDEX:+--build-arg TORCH_INDEX="$TORCH_INDEX"} "${volumes[@]}" --tag "$image" . \
    >"$scratch/build.log" 2>&1 || { tail -40 "$scratch/build.log"; fail "the build"; }
echo "built in ${SECONDS} s"

# --- what is in it --------------------------------------------------------------------------------

container=$(buildah from --pull-never "$image")
root=$(buildah mount "$container")

# config KEY: an entry of the image's configuration, one line an item where it is a list.
config() {
    buildah inspect --type image "$image" | python3 -c '
import json, sys
value = json.load(sys.stdin)["Docker"]["config"]
for key in sys.argv[1].split("."):
    value = value[key]
print(*(value if isinstance(value, list) else [value]), sep="\n")' "$1"
}
mapfile -t command < <(config Cmd)
mapfile -t health < <(config Healthcheck.Test)
[[ ${health[0]} == CMD ]] || fail "the health check is not in exec form"
health=("${health[@]:1}")

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
package=$(echo "$root"/venv/lib/python3*/site-packages/tanger)
# inside COMMAND...: in the container, as its own user, with all artifacts; chroot shares this machine's
# network, hence the loopback address and a port that is free.
inside() {
    buildah run --env TANGER_HOST=127.0.0.1 --env TANGER_PORT="$port" \
        --env TANGER_ARTIFACTS="${package#"$root"}/artifacts" "$container" -- "$@"
}

step "contents"
[[ $(inside id -u) != 0 ]] || fail "it runs as root"
[[ -z $(find "$root"/{usr,usr/local,venv}/bin -name cc -o -name 'gcc*' -o -name 'g++*' -o -name 'clang*') ]] ||
    fail "it has a compiler"
inside sh -c '! test -w /venv' || fail "its user may change the program"
[[ ! -e $root/venv/bin/pip && ! -e $root/pip && -z $(find "$root" -xdev -maxdepth 3 -name .cache) ]] ||
    fail "it has pip, or pip's cache"
[[ -z $(find "$root/venv" -maxdepth 5 -iname '*nvidia*' -print -quit) || -n ${TORCH_INDEX:-} ]] || fail "it has CUDA"
shipped=$(sed -nE 's|^ *"artifacts/([^/]+)/\*",$|\1|p' pyproject.toml | LC_ALL=C sort | xargs)
[[ -n $shipped && $(cd "$package/artifacts" && LC_ALL=C && echo *) == "$shipped" ]] ||
    fail "it holds something else than the shipped artifacts"
if [[ $(uname -m) == x86_64 ]]; then
    [[ -e $package/model/decoding/native/decode-avx2.so ]] || { tail -40 "$scratch/build.log"; fail "the decode was not compiled"; }
fi
echo "user $(config User), no compiler, no pip, nothing writable, no teacher"
megabytes() { du -smx "$@" | cut -f1; }
size=$(megabytes "$root")
others=$(megabytes --exclude='en-us*' "$package/artifacts")
echo "whole image: $size MB, of which the base: $(megabytes --exclude="$root/venv" "$root") MB," \
    "languages other than English: $others MB"
((size - others <= LIMIT)) || [[ -n ${TORCH_INDEX:-} ]] || fail "it has more than $LIMIT MB with English alone"
((others <= LANGUAGES)) || fail "the other languages have more than $LANGUAGES MB"
(cd "$root" && du -hxd1 venv/lib/python3*/site-packages | sort -rh | sed -n 1,12p)

# --- running --------------------------------------------------------------------------------------

# family PID: it and all below it, the eldest first.
family() {
    local pid pids=("$1")
    while ((${#pids[@]})); do
        printf '%s\n' "${pids[@]}"
        mapfile -t pids < <(for pid in "${pids[@]}"; do pgrep -P "$pid"; done)
    done
}

# The service's own process, for the signal: the eldest below `buildah run` that an interpreter runs and
# whose last words are the CMD's, the program's with or without its folder.
service_pid() {
    local pid words
    for pid in $(family "$run_pid"); do
        mapfile -d '' -t words 2>/dev/null <"/proc/$pid/cmdline" || continue
        [[ ${words[0]:-} == *python* ]] || continue
        ((${#words[@]} > ${#command[@]})) || continue
        words=("${words[@]: -${#command[@]}}")
        words[0]=${words[0]##*/}
        if [[ ${words[*]} == "${command[*]}" ]]; then echo "$pid"; return; fi
    done
    return 1
}

# get PATH: the body of a 200; anything else fails.
get() {
    python3 -c 'import sys, urllib.request as r
print(r.build_opener(r.ProxyHandler({})).open(sys.argv[1], timeout=10).read().decode())' "http://127.0.0.1:$port$1"
}

step "start: ${command[*]}"
SECONDS=0
inside "${command[@]}" >"$scratch/service.log" 2>&1 &
run_pid=$!
until get /readyz >/dev/null 2>&1; do
    kill -0 "$run_pid" 2>/dev/null || { cat "$scratch/service.log"; fail "the service stopped by itself"; }
    ((SECONDS < 180)) || { cat "$scratch/service.log"; fail "not ready in 180 s"; }
    sleep 0.2
done
echo "ready in about ${SECONDS} s"

step "GET /pronounce/tanger"
answer=$(get /pronounce/tanger) || { cat "$scratch/service.log"; fail "no answer"; }
echo "$answer"
python3 -c 'import json, sys
sys.exit(not json.loads(sys.argv[1])["results"][0]["pronunciations"][0]["phonemes"])' "$answer" || fail "no phonemes"

step "GET /pronounce/WORD in each language, a pinned word of its artifact"
for artifact in $shipped; do
    [[ -e $package/artifacts/$artifact/pinned.json ]] || continue
    python3 - "$package/artifacts/$artifact" <<'END' || fail "no answer by $artifact"
import json, pathlib, sys, urllib.parse
folder = pathlib.Path(sys.argv[1])
language = json.loads((folder / "manifest.json").read_text()).get("language", {"code": "en-US"})
word = next(iter(json.loads((folder / "pinned.json").read_text())["words"]))
print(f"/pronounce/{urllib.parse.quote(word)}?language={language['code']}")
END
done >"$scratch/paths"
while read -r path; do
    get "$path" | python3 -c 'import json, sys
found = json.load(sys.stdin)
(result,) = found["results"]
print(found["model"]["language"], result["word"], result["pronunciations"][0]["text"])' || fail "no answer to $path"
done <"$scratch/paths"

step "health check"
inside "${health[@]}" || fail "it finds a healthy service sick"
echo "healthy"

step "SIGTERM"
SECONDS=0
pid=$(service_pid) || fail "its process is not to be found"
kill -TERM "$pid"
while [[ -e /proc/$pid ]]; do
    ((SECONDS < 15)) || { tail -20 "$scratch/service.log"; fail "still there after 15 s"; }
    sleep 0.2
done
echo "gone in about ${SECONDS} s"
status=0
wait "$run_pid" || status=$?
run_pid=''
((status == 0)) || { tail -20 "$scratch/service.log"; fail "exit status $status"; }
echo "exit status 0"
if inside "${health[@]}" 2>/dev/null; then fail "the health check finds a dead service healthy"; fi

printf '\nimage-test: PASS\n'

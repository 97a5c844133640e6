#!/bin/sh
# Installs what is missing of Debian's packages: `setup.sh build` what building and replaying needs, `setup.sh test` what
# the tests need besides, `setup.sh kernel` what asking a real kernel takes (tests/fidelity/kernel/). Does nothing, and
# needs no network, when all is there.
set -eu

build="gcc libc6-dev libzstd-dev zlib1g-dev liblzma-dev liblz4-dev libbz2-dev libsnappy-dev
libsqlite3-dev libyaml-dev libxxhash-dev sqlite3 qemu-user"
test="$build clang libclang-rt-14-dev clang-format check libsubunit-dev libzip-dev zstd universal-ctags procps time
numactl smem prometheus-node-exporter curl valgrind python3"

kernel="gcc libc6-dev python3 zstd qemu-system-x86 seabios e2fsprogs util-linux"

case ${1:-} in
build) want=$build ;;
test) want=$test ;;
kernel) want=$kernel ;;
*) echo "usage: $0 build|test|kernel" >&2; exit 2 ;;
esac

missing=
for p in $want; do
	status=$(dpkg-query -W -f '${Status}' "$p" 2>/dev/null) || status=
	[ "$status" = "install ok installed" ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || { echo "setup: please install:$missing" >&2; exit 1; }
	as_root=sudo
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# shellcheck disable=SC2086
if ! { $as_root apt-get update && $as_root apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	echo "setup: apt-get failed; the packages wanted are:$missing" >&2
	rm -f "$log"
	exit 1
fi
rm -f "$log"

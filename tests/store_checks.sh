# store_checks.sh - what the command-line tests of query, show and report share. Sourced, not run, from the tree's root.
#
# Takes the program from FAULTLINE (build/faultline); sets faultline, dir (a directory that goes at the end), db (a store's
# name in it) and failed.

faultline=${FAULTLINE:-build/faultline}
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
db=$dir/s.db
failed=0

fail() {
	echo "$*"
	failed=1
}

# expect STATUS PATTERN ARGS...: the exit status, and a fixed text in what is printed
expect() {
	status=$1 pattern=$2
	shift 2
	"$faultline" "$@" >"$dir/out" 2>&1
	got=$?
	if [ "$got" -ne "$status" ] || ! grep -qF -- "$pattern" "$dir/out"; then
		fail "faultline $*: status $got, expected $status and \"$pattern\":"
		head -5 "$dir/out"
	fi
}

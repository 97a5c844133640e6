# trace_checks.sh - what the command-line tests of traces share. Sourced, not run.
#
# Takes the program from the script's first argument or FAULTLINE; sets faultline (absolute), work (a directory, which it
# changes to) and failed.

faultline=${1:-${FAULTLINE:-build/faultline}}
case $faultline in /*) ;; *) faultline=$PWD/$faultline ;; esac
if [ ! -x "$faultline" ]; then
	echo "$(basename "$0" .sh): $faultline is no program" >&2
	exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

fail() {
	echo "FAILED: $*" >&2
	failed=1
}

# status N ARGUMENTS...: exit status and, unless it is 0, exactly one line on stderr and no crash
status() {
	want=$1
	shift
	"$faultline" "$@" >out 2>err
	got=$?
	[ "$got" -eq "$want" ] || fail "$* gave status $got, expected $want: $(cat err)"
	if [ "$want" -ne 0 ] && [ "$(wc -l <err)" -ne 1 ]; then
		fail "$* printed $(wc -l <err) error lines"
	fi
}

contains() { # contains FILE TEXT
	grep -qF -- "$2" "$1" || fail "expected \"$2\" in: $(head -n 40 "$1")"
}

equals() { # equals VALUE EXPECTED WHAT
	[ "$1" = "$2" ] || fail "$3: $1, expected $2"
}

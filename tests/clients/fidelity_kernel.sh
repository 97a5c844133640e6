#!/bin/sh
# What asks a real kernel, as far as it goes without one: the player compiles, random scenarios are valid traces that
# depend on kind and seed alone, and the packed program holds what the trace says.
set -eu
cd "$(dirname "$0")/../.."
faultline=${FAULTLINE:-build/faultline}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wconversion -Werror -O2 -static -I. -o "$tmp/player" tests/fidelity/kernel/*.c

PYTHONDONTWRITEBYTECODE=1 python3 - "$tmp" <<'P'
import struct
import sys

sys.path.insert(0, "tests/fidelity/kernel")
import program
import result
import scenarios

folder = sys.argv[1]
for kind in ("exact", "numa", "pressure"):
    for seed in range(1, 5):
        s = scenarios.Scenario(kind, seed)
        text = s.text()
        assert text == scenarios.Scenario(kind, seed).text(), "the same seed, another text"
        path = "%s/%s.txt" % (folder, s.name)
        open(path, "w").write(text)
        p = program.Program(path)
        accesses = [l.split() for l in text.splitlines() if l[:2] in ("R ", "W ")]
        packed = p.packed()
        magic, files, events, touches = struct.unpack_from("<4Q", packed)
        assert (files, touches) == (len(s.files), len(accesses)), "files or touches are lost"
        # unpacked again, touch by touch, it is the trace
        at, got = 32 + 128 * files, []
        words = struct.unpack_from("<%dI" % touches, packed, at + 64 * events)
        for i in range(events):
            op, pid, _, _, base, n, first, *_ = struct.unpack_from("<4I6Q", packed, at + 64 * i)
            if op == program.OPS["touch"]:
                got += [(pid, base + (w & ~program.STORE) * 8, bool(w & program.STORE)) for w in words[first:first + n]]
        assert got == [(int(a[1]), int(a[3], 16), a[0] == "W") for a in accesses], "touches differ"

zoneinfo = """Node 0, zone      DMA
  per-node stats
      nr_inactive_anon 7
  pages free     3840
        boost    0
        min      56
        protection: (0, 191, 191)
      nr_free_pages 3840
  pagesets
    cpu: 0
              count: 3
              high:  5
              batch: 1
  start_pfn:           1
Node 0, zone    DMA32
  pages free     40000
        min      400
"""
z = result.zones(zoneinfo)
assert z["0/DMA"] == {"free": 3840, "boost": 0, "min": 56, "protection": [0, 191, 191], "nr_free_pages": 3840,
                      "pcp": [{"count": 3, "high": 5, "batch": 1}]}, z
assert z["0/DMA32"]["min"] == 400
assert result.together([{"a": 1, "b": {"c": 2}}, {"b": {"c": 5}}]) == {"a": [1, 0], "b": {"c": [2, 5]}}
P

for t in "$tmp"/random_*.txt; do
	"$faultline" trace convert --format memtrace "$t" "$t.flt" >"$tmp/out"
	want=$(sed -n 's/^# end accesses \([0-9]*\).*/\1/p' "$t")
	got=$("$faultline" trace info --json "$t.flt" | tr ',{' '\n\n' | sed -n 's/.*"accesses": *\([0-9]*\).*/\1/p' | head -n 1)
	[ "$want" = "$got" ] || { echo "$t: $want accesses, $got in the converted trace"; exit 1; }
done

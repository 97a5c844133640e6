#!/usr/bin/env python3
"""Holds runs of `faultline fidelity` to what a real Linux 6.1 kernel counted.

    score.py STORE... CONFIG.json...            one line a configuration, totals by area and in all
    score.py --off STORE... CONFIG.json...      every counter outside, too
    score.py --worst N STORE... CONFIG.json...  the counters most often outside
    score.py --page FILE STORE... CONFIG.json... writes the tables as Markdown
    score.py --guard STORE... CONFIG.json...     fails when a share is below its floor, or reclaim has another shape

A run belongs to the configuration of its name. A counter is judged when the kernel's mean or ours is not next to
nothing; it is inside when ours lies between the kernel's smallest and largest repetition, give or take a
tolerance: 5 % of the mean where the kernel was under memory pressure (more than 500 pages scanned), else 16 (64 kB
for a mapping's sizes). Where both are below 50, the tolerance is 32. What timing alone decides is left out: kswapd
against direct reclaim, compaction, background write-back. Goals and floors: see GOALS; the shape of reclaim: shape.py.
"""
import json
import os
import signal
import sqlite3
import sys

import shape

# What we want and, below it, what has been reached and must not be lost (timing moves it by about half a point).
GOALS = {"without pressure": (99.0, 99.0), "under pressure": (90.0, 95.0), "each scenario": (75.0, 75.0)}

TOTALS = [
    "pgfault", "pgmajfault", "pgreuse", "pgscan_anon", "pgscan_file", "pgsteal_anon", "pgsteal_file", "pswpin", "pswpout",
    "workingset_refault_anon", "workingset_refault_file", "workingset_activate_anon", "workingset_activate_file",
    "workingset_restore_anon", "workingset_restore_file", "pgactivate", "pgdeactivate", "pgrefill", "pgrotated",
    "pglazyfree", "pglazyfreed", "swap_ra", "swap_ra_hit", "oom_kill", "thp_fault_alloc", "thp_split_page",
    "thp_split_pmd", "thp_collapse_alloc", "thp_zero_page_alloc", "numa_hit", "numa_miss", "numa_foreign",
    "numa_interleave", "numa_local", "numa_other", "numa_pte_updates", "numa_hint_faults", "numa_hint_faults_local",
    "numa_pages_migrated",
]
SUMS = {
    "pgalloc": ("pgalloc_dma", "pgalloc_dma32", "pgalloc_normal", "pgalloc_movable"),
    "pgscan": ("pgscan_anon", "pgscan_file"),
    "pgsteal": ("pgsteal_anon", "pgsteal_file"),
}
LEVELS = [
    "nr_active_anon", "nr_inactive_anon", "nr_active_file", "nr_inactive_file", "nr_anon_pages", "nr_file_pages",
    "nr_mapped", "nr_shmem", "nr_page_table_pages", "nr_swapcached", "nr_anon_transparent_hugepages",
    "nr_unevictable", "nr_mlock", "nr_dirty",
]
# Of memory cgroups: levels in bytes, judged in pages; and events.
GROUP_LEVELS = ["memory.current", "memory.peak", "memory.swap.current", "anon", "file", "inactive_anon", "active_anon",
                "inactive_file", "active_file", "file_mapped", "swapcached"]
GROUP_TOTALS = ["pgscan", "pgsteal", "pgrefill", "pgactivate", "pgdeactivate", "pgfault", "pgmajfault",
                "workingset_refault_anon", "workingset_refault_file", "workingset_activate_anon",
                "workingset_activate_file", "workingset_restore_anon", "workingset_restore_file", "memory.events.high",
                "memory.events.max", "memory.events.oom", "memory.events.oom_kill", "memory.swap.events.max"]
PLACES = ["numa_hit", "numa_miss", "numa_foreign", "interleave_hit", "local_node", "other_node"]


class Kernel:
    """One configuration: {(label, scope, counter): values of the repetitions}; label None: over the scenario."""

    def __init__(self, path):
        with open(path) as f:
            c = json.load(f)
        self.name, self.reps = c["name"], c["repetitions"]
        self.values = {}
        total = c["total"]
        for n in TOTALS:
            self.values[None, "vmstat", n] = total.get(n) or [0] * self.reps
        for n, parts in SUMS.items():
            self.values[None, "vmstat", n] = [sum((total.get(p) or [0] * self.reps)[i] for p in parts)
                                              for i in range(self.reps)]
        for node, items in c.get("per_node", {}).items():
            for n in PLACES:
                if n in items:
                    self.values[None, "node/" + node, n] = items[n]
        for label, items in c.get("gauges", {}).items():
            for n in LEVELS:
                if n in items:
                    self.values[label, "vmstat", n] = items[n]
        for label, processes in c.get("regions", {}).items():
            for p, mappings in processes.items():
                for start, items in mappings.items():
                    for n, v in items.items():
                        self.values[label, "region/%s/%s" % (p, start), n] = v
        self.groups(c.get("memcg", {}))
        scanned = self.values[None, "vmstat", "pgscan"]
        self.pressure = sum(scanned) > 500 * len(scanned)


    def groups(self, snapshots):
        for label, groups in snapshots.items():
            for g, items in groups.items():
                for n in GROUP_LEVELS if label != "before" else []:
                    if n in items:
                        self.values[label, "memcg/" + g, n] = [v // 4096 for v in items[n]]
                for n in GROUP_TOTALS if label == "after" else []:
                    if n in items:
                        self.values[None, "memcg/" + g, n] = items[n]


class Ours:
    def __init__(self, db, run):
        self.at = {}
        seqs = {}
        for label, seq, scope, counter, value in db.execute(
                "SELECT label, seq, scope, counter, value FROM kernel_counters WHERE run_id = ?", (run,)):
            self.at[label, scope, counter] = value
            seqs[label] = seq
        ordered = sorted(seqs, key=seqs.get)
        self.first = "before" if "before" in seqs else ordered[0]
        self.last = "after" if "after" in seqs else ordered[-1]

    def get(self, label, scope, counter):
        """None when the snapshot has no such counter."""
        if label is not None:
            v = self.at.get((label, scope, counter))
            return v // 4096 if v and scope.startswith("memcg/") else v
        if scope == "vmstat" and counter in SUMS:
            return sum(self.get(None, scope, p) for p in SUMS[counter])
        return self.at.get((self.last, scope, counter), 0) - self.at.get((self.first, scope, counter), 0)


def judge(kernel, ours):
    """[(label, scope, counter, value, smallest, largest, inside)]"""
    rows = []
    for (label, scope, counter), v in kernel.values.items():
        mean, mine = sum(v) / len(v), ours.get(label, scope, counter)
        mapping = scope.startswith("region/")
        if mine is None and mapping and mean == 0:
            continue
        mine = mine or 0
        if mean == 0 and mine == 0:
            continue
        tolerance = 64 if mapping and not counter.startswith("N") else 16
        if abs(mean) < 50 and abs(mine) < 50:
            tolerance = 32
        elif kernel.pressure:
            tolerance = max(tolerance, 0.05 * abs(mean))
        inside = min(v) - tolerance <= mine <= max(v) + tolerance
        rows.append((label or "total", scope, counter, mine, min(v), max(v), inside))
    return rows


def find_run(stores, name):
    for db in stores:
        row = db.execute("SELECT run_id FROM runs WHERE name = ? ORDER BY rowid DESC LIMIT 1", (name,)).fetchone()
        if row:
            return Ours(db, row[0])
    return None


def area(counter_row):
    label, scope, counter = counter_row[:3]
    if scope.startswith("region/"):
        return "mappings"
    if scope.startswith("memcg/"):
        return "groups"
    if scope.startswith("node/") or counter.startswith("numa_"):
        return "placement"
    if label != "total":
        return "levels"
    for word, name in (("pgsc", "reclaim"), ("pgst", "reclaim"), ("pgrefill", "reclaim"), ("activate", "reclaim"),
                       ("rotated", "reclaim"), ("workingset", "working set"), ("swp", "swap"), ("swap", "swap"),
                       ("thp", "huge pages")):
        if word in counter:
            return name
    return "faults and pages"


class Sum:
    def __init__(self):
        self.of = {}

    def add(self, key, inside):
        k, n = self.of.get(key, (0, 0))
        self.of[key] = (k + inside, n + 1)

    def text(self, key):
        k, n = self.of.get(key, (0, 0))
        return "%d of %d (%.1f %%)" % (k, n, self.percent(key))

    def percent(self, key):
        k, n = self.of.get(key, (0, 0))
        return 100 * k / max(n, 1)


def below_floors(sums, lines):
    bad = ["%s: %.1f %% inside, the floor is %.1f %%" % (k, sums.percent(k), GOALS[k][1])
           for k in GOALS if k in sums.of and sums.percent(k) < GOALS[k][1]]
    floor = GOALS["each scenario"][1]
    return bad + ["%s: %d of %d inside, the floor is %.0f %%" % (n, k, m, floor)
                  for n, _, k, m in lines if 100 * k / m < floor]


def table(f, heads, rows):
    f.write("\n| %s |\n|%s\n" % (" | ".join(heads), "---|" * len(heads)))
    f.writelines("| %s |\n" % " | ".join(str(c) for c in r) for r in rows)


def killed(stores):
    """Processes killed in the last run of a name."""
    def of(name):
        for db in stores:
            rows = db.execute("SELECT scope FROM v_events WHERE kind = 'oom_kill' AND run_id = "
                              "(SELECT run_id FROM runs WHERE name = ? ORDER BY rowid DESC LIMIT 1)", (name,)).fetchall()
            if rows:
                return [r[0].split("/")[1] for r in rows]
        return []
    return of


PAGE = """# Against a real kernel

What an unmodified Linux 6.1 kernel counted while it played the scenarios of `configs/`, and what this model counts when it
replays their traces; written by `make fidelity`. *Inside* means between the kernel's own repetitions, give or take 5 %
under memory pressure, else 16 pages or events (`score.py` says it in full).

"""


def main():
    args = sys.argv[1:]
    off = "--off" in args
    worst = int(args[args.index("--worst") + 1]) if "--worst" in args else 0
    page = args[args.index("--page") + 1] if "--page" in args else None
    guard = "--guard" in args
    files = [a for a in args if os.path.isfile(a) and a != page]
    stores = [sqlite3.connect("file:%s?mode=ro" % a, uri=True) for a in files if not a.endswith(".json")]
    lines, sums, missed, pairs = [], Sum(), {}, []
    for path in (a for a in files if a.endswith(".json")):
        kernel = Kernel(path)
        ours = find_run(stores, kernel.name)
        if not ours:
            sys.exit("score: no run is named %s" % kernel.name)
        pairs.append((shape.load(path), ours))
        rows = judge(kernel, ours)
        inside = sum(r[6] for r in rows)
        kind = "under pressure" if kernel.pressure else "without pressure"
        lines.append((kernel.name, kind, inside, len(rows)))
        for r in rows:
            sums.add(kind, r[6])
            sums.add(area(r), r[6])
            sums.add("all", r[6])
            if not r[6]:
                key = (r[2] if r[0] == "total" or r[1] != "vmstat" else "level " + r[2], kind)
                missed.setdefault(key, []).append(kernel.name)
        print("%-28s %4d of %4d inside (%5.1f %%)  %s" % (kernel.name, inside, len(rows), 100 * inside / len(rows), kind))
        for r in rows:
            if off and not r[6]:
                print("    %-16s %-24s %-26s %10d  kernel %d .. %d" % r[:6])
    for key, names in sorted(missed.items(), key=lambda kv: -len(kv[1]))[:worst]:
        print("%5d  %-17s %-32s %s" % (len(names), key[1], key[0], " ".join(sorted(set(names))[:8])))
    keys = ["without pressure", "under pressure", "all"]
    keys[2:2] = sorted(k for k in sums.of if k not in keys)
    for k in keys:
        print("%-20s %s" % (k, sums.text(k)))
    shares, other_shares = shape.shares(pairs)
    kills, other_kills = shape.kills(pairs, killed(stores))
    for r in shares:
        print("anonymous share of what was reclaimed: %-22s swappiness %-3s kernel %-14s here %s" % r[:4])
    for r in kills:
        print("killed: %-20s kernel %s, here %s; allocated pages: kernel %s, here %s" % r[:5])
    if page:
        with open(page, "w") as f:
            f.write(PAGE + "| counters | inside | goal | floor |\n|---|---|---|---|\n")
            f.writelines("| %s | %s | %s | %s |\n" % (k, sums.text(k), *("%g %%" % g for g in GOALS.get(k, ())))
                         if k in GOALS else "| %s | %s | | |\n" % (k, sums.text(k)) for k in keys)
            f.write("\nNo scenario may have less than %g %% inside.\n" % GOALS["each scenario"][1])
            f.write("\nShare of anonymous pages in what was reclaimed, per cent:\n")
            table(f, ("scenario", "swappiness", "kernel", "here", "within %d points" % shape.POINTS), shares)
            f.write("\nKilled for want of memory:\n")
            table(f, ("scenario", "kernel", "here", "pages allocated, kernel", "here", "same, within 1 %"), kills)
            table(f, ("scenario", "inside", "of", "share", ""),
                  [(n, k, m, "%.1f %%" % (100 * k / m), kind) for n, kind, k, m in lines])
    bad = below_floors(sums, lines) + other_shares + other_kills
    for b in bad:
        print("below: " + b)
    if guard and bad:
        sys.exit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main()

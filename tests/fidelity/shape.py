"""The shape of reclaim: the anonymous share of what was reclaimed, by swappiness; and who was killed when memory ran out.

A share agrees when it lies within POINTS of what the kernel's repetitions span. Two neighbouring settings of swappiness
whose shares the kernel sets apart by more than POINTS must be in the same order here. A kill agrees when the same process
was killed after the same number of allocated pages, give or take ALLOCATED.
"""
import json
import re

POINTS = 5
ALLOCATED = 0.01
ZONES = ("pgalloc_dma", "pgalloc_dma32", "pgalloc_normal", "pgalloc_movable")


def share(anon, file):
    """Per cent; None when next to nothing was reclaimed."""
    return 100 * anon / (anon + file) if anon + file >= 500 else None


class Row:
    """One configuration's shares: of the kernel's repetitions, and ours."""

    def __init__(self, config, ours):
        total, n = config["total"], config["repetitions"]
        anon, file = (total.get(k) or [0] * n for k in ("pgsteal_anon", "pgsteal_file"))
        kernel = [share(a, f) for a, f in zip(anon, file)]
        self.name = config["name"]
        m = re.match(r"(.*)_sw(\d+)(.*)", self.name)
        self.family, self.swappiness = (m[1] + m[3], int(m[2])) if m else (None, None)
        self.counts = m is not None and None not in kernel
        if self.counts:
            self.low, self.high, self.mean = min(kernel), max(kernel), sum(kernel) / n
            self.ours = share(ours.get(None, "vmstat", "pgsteal_anon"), ours.get(None, "vmstat", "pgsteal_file"))
            self.agrees = self.ours is not None and self.low - POINTS <= self.ours <= self.high + POINTS


def same_order(rows):
    rows = sorted(rows, key=lambda r: r.swappiness)
    return all(b.ours is not None and a.ours is not None and (b.mean - a.mean) * (b.ours - a.ours) > 0
               for a, b in zip(rows, rows[1:]) if abs(b.mean - a.mean) > POINTS)


def shares(pairs):
    """pairs: (configuration, ours). Returns (rows of text, what does not agree)."""
    rows = [r for r in (Row(c, o) for c, o in pairs) if r.counts]
    families = {}
    for r in rows:
        families.setdefault(r.family, []).append(r)
    lines, bad = [], []
    for family, members in sorted(families.items()):
        if len(members) < 2:
            continue
        for r in sorted(members, key=lambda r: r.swappiness):
            ours = "-" if r.ours is None else "%.1f" % r.ours
            lines.append((family, str(r.swappiness), "%.1f .. %.1f" % (r.low, r.high), ours, "yes" if r.agrees else "no"))
            if not r.agrees:
                bad.append("%s: %s %% of what was reclaimed is anonymous, the kernel has %.1f .. %.1f"
                           % (r.name, ours, r.low, r.high))
        if not same_order(members):
            bad.append("%s: the order of shares over swappiness is not the kernel's" % family)
    return lines, bad


def kills(pairs, killed):
    """killed(name): the processes that were killed here, in order. Returns as shares() does."""
    lines, bad = [], []
    for config, ours in pairs:
        kernel = [[d["proc"] for d in deaths] if oom else []  # others exit, or are ended by the scenario
                  for deaths, oom in zip(config.get("deaths", []), config.get("oom", []))]
        if not any(kernel):
            continue
        here = killed(config["name"])
        pages = [sum((config["total"].get(z) or [0] * config["repetitions"])[i] for z in ZONES)
                 for i in range(config["repetitions"])]
        mine = sum(ours.get(None, "vmstat", z) for z in ZONES)
        agrees = here in kernel and min(pages) * (1 - ALLOCATED) <= mine <= max(pages) * (1 + ALLOCATED)
        lines.append((config["name"], " ".join(kernel[0]), " ".join(here) or "-", "%d .. %d" % (min(pages), max(pages)),
                      str(mine), "yes" if agrees else "no"))
        if not agrees:
            bad.append("%s: killed %s after %d allocated pages, the kernel %s after %d .. %d"
                       % (config["name"], " ".join(here) or "nobody", mine, " ".join(kernel[0]), min(pages), max(pages)))
    return lines, bad


def load(path):
    with open(path) as f:
        return json.load(f)

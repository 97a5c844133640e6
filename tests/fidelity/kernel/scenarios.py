"""Random scenarios: valid memory work of a few processes, by kind and seed, written as "memtrace 1" text.

  exact     512 MiB, at most 220 MiB of them used: nothing is reclaimed but what madvise asks for; with and without huge pages
  numa      two to four nodes; policies, bound mappings, moves, nodes filled past their size
  pressure  256 MiB and swap; anonymous memory and files beyond memory, two-list LRU or MGLRU, any swappiness
  group     512 MiB and swap; one or two memory cgroups whose processes want more than they may have

The text depends on kind and seed alone.
"""
import random

PAGE = 4096
MIB = 1 << 20
BASE = 0x1000000000
ALIGN = 2 * MIB
FILES = {"/data/f16": 16 * MIB, "/data/f64": 64 * MIB, "/data/f128": 128 * MIB, "/data/f256": 256 * MIB}
MASK = (1 << 64) - 1


class Region:
    def __init__(self, start, length, file=None, shared=False, writable=True, offset=0):
        self.start, self.length, self.file, self.shared = start, length, file, shared
        self.writable, self.offset, self.locked = writable, offset, False
        self.whole = True  # one mapping to the kernel, as far as is known


class Process:
    def __init__(self, pid, cpu):
        self.pid, self.cpu, self.regions = pid, cpu, []


class Scenario:
    def __init__(self, kind, seed):
        self.kind, self.name = kind, "random_%s_%d" % (kind, seed)
        self.rng = random.Random("%s %d" % (kind, seed))
        self.lines, self.seq, self.op, self.accesses = [], 0, -1, 0
        self.files, self.processes, self.next_pid, self.labels = [], {}, 1, 0
        self.next_start, self.used = BASE, 0
        self.settings = {}
        {"exact": self.exact, "numa": self.numa, "pressure": self.pressure, "group": self.group}[kind]()

    def text(self):
        head = ["# memtrace 1", "# scenario " + self.name]
        head += ["F %d %s %d %s" % f for f in self.files]
        return "\n".join(head + self.lines + ["# end accesses %d events %d" % (self.accesses, self.seq)]) + "\n"

    # ---- lines ----

    def begin(self, text):
        self.op += 1
        self.lines.append("# op %d %s" % (self.op, text))

    def event(self, p, what):
        self.lines.append("M %d %d %d %d %s" % (p.pid, p.pid, p.cpu, self.seq, what) if p else
                          "M 0 0 0 %d %s" % (self.seq, what))
        self.seq += 1

    def call(self, p, what):
        self.begin("%s %s" % (p.pid if p else 0, what))
        self.event(p, what)

    def snapshot(self):
        self.labels += 1
        self.begin("snapshot s%d" % self.labels)
        self.lines.append("S %d s%d" % (self.seq, self.labels))
        self.seq += 1

    def sums(self, items):
        total = 0xcbf29ce484222325
        for address, store in items:
            total = ((total ^ (address * 2 + store)) * 0x100000001b3) & MASK
        self.lines.append("# sum %d %d %x" % (self.op, len(items), total))

    def touch(self, p, items, what):
        """items: (address, store)"""
        self.begin("%d touch %s" % (p.pid, what))
        self.lines += ["%s %d %d %x 8" % ("W" if store else "R", p.pid, p.pid, address) for address, store in items]
        self.sums(items)
        self.accesses += len(items)
        self.seq += len(items)

    def transfer(self, p, name, write, chunks):
        fid = self.file(name)
        self.begin("%d %s %s" % (p.pid, "write" if write else "read", name))
        for offset, length in chunks:
            self.event(p, "%s %d %d %d" % ("write" if write else "read", fid, offset, length))
        self.sums([(offset // 1, write) for offset, _ in chunks])

    def file(self, path, size=None):
        for f in self.files:
            if f[1] == path:
                return f[0]
        self.files.append((len(self.files), path, size or FILES[path], "new" if size else "old"))
        return self.files[-1][0]

    # ---- what processes do ----

    def chance(self, p):
        return self.rng.random() < p

    def spawn(self, cpu=0):
        p = Process(self.next_pid, cpu)
        self.next_pid += 1
        self.processes[p.pid] = p
        self.begin("spawn %d cpu=%d" % (p.pid, cpu))
        self.event(p, "spawn")
        return p

    def fork(self, p):
        child = Process(self.next_pid, p.cpu)
        self.next_pid += 1
        self.call(p, "fork %d" % child.pid)
        for r in p.regions:
            copy = Region(r.start, r.length, r.file, r.shared, r.writable, r.offset)
            child.regions.append(copy)
        self.processes[child.pid] = child

    def exit(self, p):
        self.call(p, "exit")
        del self.processes[p.pid]

    def map(self, p, length, file=None, shared=False, writable=True, populate=False):
        length = (length + PAGE - 1) // PAGE * PAGE
        start = self.next_start
        self.next_start = (start + length + 2 * ALIGN - 1) // ALIGN * ALIGN
        fid = self.file(file) if file else -1
        r = Region(start, length, file, shared, writable)
        flags = ("shared" if shared else "private") + ("" if file else ",anon") + (",file" if file else "") + \
            (",populate" if populate else "")
        self.call(p, "mmap 0x%x %d %s %s %d 0" % (start, length, "rw-" if writable else "r--", flags, fid))
        p.regions.append(r)
        if not file:
            self.used += length
        return r

    def unmap(self, p, r):
        self.call(p, "munmap 0x%x %d" % (r.start, r.length))
        p.regions.remove(r)

    def part(self, r):
        """A random part of it, in pages from its start: (first, number)."""
        n = r.length // PAGE
        if n == 1 or self.chance(0.4):
            return 0, n
        first = self.rng.randrange(n - 1)
        return first, self.rng.randrange(1, n - first + 1)

    def pattern(self, r, first, n):
        """Page numbers."""
        kind = self.rng.choice(("in order", "each once", "uniform", "skewed", "hot and cold", "stride"))
        count = n if kind in ("in order", "each once") else self.rng.randrange(1, min(4 * n, 20000) + 1)
        if kind == "in order":
            pages = range(n)
        elif kind == "each once":
            pages = self.rng.sample(range(n), n)
        elif kind == "uniform":
            pages = [self.rng.randrange(n) for _ in range(count)]
        elif kind == "skewed":
            pages = [min(n - 1, int(n * self.rng.random() ** 3)) for _ in range(count)]
        elif kind == "stride":
            step = self.rng.choice((2, 3, 5, 16, 33, 512))
            pages = [i * step % n for i in range(min(count, n))]
        else:
            hot = max(1, n // 5)
            pages = [self.rng.randrange(hot) if self.chance(0.8) else self.rng.randrange(n) for _ in range(count)]
        return kind, [first + x for x in pages]

    def use(self, p, r, stores=None):
        first, n = self.part(r)
        kind, pages = self.pattern(r, first, n)
        share = self.rng.choice((0, 0.5, 1, 1)) if stores is None else stores
        if not r.writable:
            share = 0
        items = [(r.start + x * PAGE + 8 * self.rng.randrange(512), int(self.rng.random() < share)) for x in pages]
        self.touch(p, items, "%x %s %d+%d stores %.1f" % (r.start, kind, first, n, share))

    def io(self, p, write_part=0.2):
        name = self.rng.choice(list(FILES)[:2 if self.kind == "exact" else 3])
        size, chunk = FILES[name], self.rng.choice((4096, 16384, 65536))
        total = self.rng.randrange(1, min(size, 32 * MIB if self.kind == "exact" else size) // chunk + 1)
        write = self.chance(write_part)
        if self.chance(0.6):
            begin = self.rng.randrange(size // chunk - total + 1)
            chunks = [((begin + i) * chunk, chunk) for i in range(total)]
        else:
            chunks = [(self.rng.randrange(size // chunk) * chunk, chunk) for _ in range(min(total, 600))]
        self.transfer(p, name, write, chunks)
        if write and self.chance(0.5):
            self.call(p, "fsync %d" % self.file(name))

    def advise(self, p, r, choices):
        first, n = self.part(r)
        refused = ("free",) if r.shared or r.file else ()
        if r.locked:
            refused += ("dontneed", "free", "cold", "pageout")
        self.call(p, "madvise 0x%x %d %s" % (r.start + first * PAGE, n * PAGE,
                                             self.rng.choice([c for c in choices if c not in refused])))
        r.whole = False

    def lock(self, p, r):
        first, n = self.part(r)
        self.call(p, "%s 0x%x %d" % ("munlock" if r.locked and self.chance(0.7) else "mlock", r.start + first * PAGE,
                                     min(n, 2048) * PAGE))
        r.locked, r.whole = True, False

    def grow(self, p, r):
        length = max(PAGE, int(r.length * self.rng.choice((0.5, 1, 1.5))) // PAGE * PAGE)
        start = self.next_start
        self.next_start = (start + length + 2 * ALIGN - 1) // ALIGN * ALIGN
        self.call(p, "mremap 0x%x %d 0x%x %d" % (r.start, r.length, start, length))
        r.start, r.length = start, length

    # ---- kinds ----

    def exact(self):
        self.settings = {"nodes": [512], "swap": self.rng.choice((0, 256)),
                         "thp": self.rng.choice(("never", "never", "always", "madvise"))}
        huge = self.settings["thp"] != "never"
        if huge:  # something that khugepaged finds nothing in: it stays asleep
            keeper = Process(31, 0)
            self.begin("spawn 31 cpu=0")
            self.event(keeper, "spawn")
            self.map(keeper, 4 * MIB)
        self.spawn()
        calm = ["normal", "random", "sequential", "willneed", "dontneed", "free", "cold", "populate_read"]
        calm += ["hugepage", "nohugepage"] if huge else []
        calm += ["pageout"] if self.settings["swap"] or self.chance(0.3) else []
        for _ in range(self.rng.randrange(25, 45)):
            p = self.rng.choice(list(self.processes.values()))
            r = self.rng.choice(p.regions) if p.regions else None
            dice = self.rng.random()
            if not r or dice < 0.16 and self.used < 160 * MIB:
                self.map_any(p, 16 * MIB)
            elif dice < 0.55:
                self.use(p, r)
            elif dice < 0.63 and not r.file:
                self.advise(p, r, calm)
            elif dice < 0.67:
                self.lock(p, r)
            elif dice < 0.71:
                first, n = self.part(r)
                self.call(p, "mprotect 0x%x %d %s" % (r.start + first * PAGE, n * PAGE, "r--"))
                self.use(p, r, 0)
                self.call(p, "mprotect 0x%x %d %s" % (r.start, r.length, "rw-" if r.writable else "r--"))
            elif dice < 0.75 and not r.file and not r.shared and r.whole:
                self.grow(p, r)
            elif dice < 0.81 and len(self.processes) < 4 and self.used < 110 * MIB:
                self.used *= 2
                self.fork(p)
            elif dice < 0.84 and len(self.processes) > 1:
                self.exit(p)
            elif dice < 0.88:
                self.unmap(p, r)
            elif dice < 0.94:
                self.io(p)
            else:
                self.snapshot()
        self.snapshot()

    def map_any(self, p, most):
        length = self.rng.choice((PAGE, 37 * PAGE, 2 * MIB, 3 * MIB + 5 * PAGE, self.rng.randrange(PAGE, most)))
        dice = self.rng.random()
        if dice < 0.6:
            self.map(p, length, populate=self.chance(0.1))
        elif dice < 0.75:
            self.map(p, length, shared=True)
        else:
            name = self.rng.choice(list(FILES)[:2])
            shared = self.chance(0.5)
            self.map(p, min(length, FILES[name]), file=name, shared=shared, writable=shared and self.chance(0.5),
                     populate=self.chance(0.15))

    def numa(self):
        n = self.rng.choice((2, 2, 3, 4))
        self.settings = {"nodes": [self.rng.choice((160, 192, 256)) for _ in range(n)]}
        if self.chance(0.4):
            self.settings["dist"] = [[10 if i == j else 10 + 10 * abs(i - j) for j in range(n)] for i in range(n)]
        if self.chance(0.3):
            self.settings["swap"] = 256
        modes = ("default", "local", "preferred", "bind", "interleave", "preferred_many")
        limit = sum(self.settings["nodes"]) * MIB * 6 // 10
        for i in range(self.rng.choice((1, 2))):
            self.spawn(self.rng.randrange(n))
        for _ in range(self.rng.randrange(20, 35)):
            p = self.rng.choice(list(self.processes.values()))
            r = self.rng.choice(p.regions) if p.regions else None
            dice = self.rng.random()
            mode = self.rng.choice(modes)
            mask = 0 if mode in ("default", "local") else self.rng.randrange(1, 1 << n)
            if mode == "preferred":
                mask = 1 << self.rng.randrange(n)
            if not r or dice < 0.25 and self.used < limit:
                self.map(p, self.rng.randrange(PAGE, 48 * MIB))
            elif dice < 0.6:
                self.use(p, r, 1)
            elif dice < 0.72:
                self.call(p, "set_mempolicy %s 0x%x" % (mode, mask))
            elif dice < 0.84:
                first, count = self.part(r)
                self.call(p, "mbind 0x%x %d %s 0x%x %s" % (r.start + first * PAGE, count * PAGE, mode, mask,
                                                           self.rng.choice(("move", "-"))))
            elif dice < 0.9:
                p.cpu = self.rng.randrange(n)
                self.call(p, "affinity %d" % p.cpu)
            elif dice < 0.93 and self.used * 2 < limit:
                self.used *= 2
                self.fork(p)
            elif dice < 0.96:
                self.unmap(p, r)
            else:
                self.snapshot()
        self.snapshot()

    def pressure(self):
        self.settings = {"nodes": [256], "swap": 512, "vm.swappiness": self.rng.choice((0, 1, 10, 30, 60, 60, 100, 150, 200)),
                         "lru_gen": self.rng.choice(("0x0000", "0x0000", "0x0007"))}
        if self.chance(0.3):
            self.settings["vm.min_free_kbytes"] = self.rng.choice((1024, 4096, 8192))
        p = self.spawn()
        anon = self.map(p, self.rng.randrange(60, 200) * MIB)
        mapped = self.map(p, 128 * MIB, file="/data/f128", shared=self.chance(0.5), writable=False)
        self.use(p, anon, 1)
        for _ in range(self.rng.randrange(8, 16)):
            q = self.rng.choice(list(self.processes.values()))
            dice = self.rng.random()
            if dice < 0.4:
                self.use(q, self.rng.choice([r for r in q.regions if not r.file] or q.regions))
            elif dice < 0.6:
                self.use(q, mapped, 0) if q is p else self.use(q, q.regions[0])
            elif dice < 0.8:
                self.io(q, 0.1)
            elif dice < 0.87 and len(self.processes) < 3:
                q = self.spawn(self.rng.randrange(2))
                self.use(q, self.map(q, self.rng.randrange(10, 60) * MIB), 1)
            elif dice < 0.92:
                self.advise(q, q.regions[0], ("pageout", "cold", "willneed"))
            else:
                self.snapshot()
        self.snapshot()

    def group(self):
        groups = self.rng.choice((1, 1, 2))
        limits = [self.rng.choice((32, 48, 64, 96)) for _ in range(groups)]
        self.settings = {"nodes": [512], "swap": 512, "vm.swappiness": self.rng.choice((0, 10, 60, 60, 100, 200)),
                         "lru_gen": self.rng.choice(("0x0000", "0x0000", "0x0007")),
                         "memcg.max": " ".join("%dM" % m for m in limits),
                         "memcg.of": " ".join("%d:g%d" % (i + 1, i) for i in range(groups))}
        if self.chance(0.3):
            self.settings["memcg.high"] = " ".join("%dM" % (m * 3 // 4) for m in limits)
        for limit in limits:
            p = self.spawn()
            self.use(p, self.map(p, int(limit * self.rng.choice((0.5, 0.8, 1.3, 1.6)) * MIB)), 1)
        for _ in range(self.rng.randrange(8, 16)):
            p = self.rng.choice(list(self.processes.values()))
            dice = self.rng.random()
            if dice < 0.45:
                self.use(p, self.rng.choice(p.regions))
            elif dice < 0.75:
                self.io(p, 0.1)
            elif dice < 0.85:
                self.advise(p, p.regions[0], ("pageout", "cold", "willneed", "dontneed"))
            else:
                self.snapshot()
        self.snapshot()

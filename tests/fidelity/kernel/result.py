"""What the player sent, and several repetitions of it as one "memgt-config 1" configuration."""
import re

OURS = (0x1000000000, 0x600000000000)  # mappings of a scenario lie between
SIZES = ("Rss Pss Private_Clean Private_Dirty Shared_Clean Shared_Dirty Anonymous LazyFree AnonHugePages Swap "
         "Locked").split()
GAUGES = ("nr_free_pages nr_inactive_anon nr_active_anon nr_inactive_file nr_active_file nr_unevictable nr_mlock nr_anon_pages "
          "nr_mapped nr_file_pages nr_dirty nr_writeback nr_shmem nr_slab_reclaimable nr_slab_unreclaimable "
          "nr_page_table_pages nr_kernel_stack nr_anon_transparent_hugepages nr_swapcached nr_isolated_anon "
          "nr_isolated_file workingset_nodes").split()
EVENTS_NAMED_NR = "nr_dirtied nr_written nr_vmscan_write nr_vmscan_immediate_reclaim nr_throttled_written".split()


def numbers(text):
    """"name value" lines."""
    return {m[1]: int(m[2]) for m in re.finditer(r"^(\S+) (-?\d+)$", text, re.M)}


def sizes(text):
    """"Name:   value kB" lines, "Node 0 Name: …" too."""
    return {m[1]: int(m[2]) for m in re.finditer(r"^(?:Node \d+ )?(\S+?):\s+(\d+)", text, re.M)}


def buddy(text):
    return {"%s/%s" % (m[1], m[2]): [int(x) for x in m[3].split()]
            for m in re.finditer(r"^Node (\d+), zone\s+(\S+)\s+(.*)$", text, re.M)}


def slab(text):
    """cache: active, objects, size, per slab, pages per slab, active slabs, slabs"""
    out = {}
    for line in text.splitlines():
        w = line.split()
        if len(w) == 16 and w[0] != "#":
            out[w[0]] = [int(w[i]) for i in (1, 2, 3, 4, 5, 13, 14)]
    return out


def zones(text):
    out = {}
    for part in re.split(r"^Node ", text, flags=re.M)[1:]:
        head, *lines = part.splitlines()
        name = re.match(r"(\d+), zone\s+(\S+)", head)
        zone = out["%s/%s" % (name[1], name[2])] = {"pcp": []}
        zoned = False  # behind "pages free": the zone's own, before it the node's
        for line in lines:
            w = line.split()
            if w[:2] == ["pages", "free"]:
                zoned = True
                zone["free"] = int(w[2])
            elif w and w[0] == "protection:":
                zone["protection"] = [int(x) for x in re.findall(r"\d+", line)]
            elif w and w[0] == "cpu:":
                zone["pcp"].append({})
            elif zone["pcp"] and w and w[0].rstrip(":") in ("count", "high", "batch"):
                zone["pcp"][-1][w[0].rstrip(":")] = int(w[1])
            elif w[:1] == ["start_pfn:"]:
                zoned = False
            elif zoned and len(w) == 2 and re.fullmatch(r"-?\d+", w[1]):
                zone[w[0]] = int(w[1])
    return out


def mappings(smaps, numa):
    """{start address in hex: {counter: value}} of a scenario's own mappings."""
    out, cur = {}, None
    for line in smaps.splitlines():
        m = re.match(r"([0-9a-f]+)-[0-9a-f]+ ", line)
        if m:
            cur = out.setdefault(m[1], {}) if OURS[0] <= int(m[1], 16) < OURS[1] else None
            continue
        m = re.match(r"(\w+):\s+(\d+) kB", line)
        if m and cur is not None and m[1] in SIZES and int(m[2]):
            cur[m[1]] = int(m[2])
    for line in numa.splitlines():
        w = line.split()
        if w and w[0].lstrip("0") in out:
            out[w[0].lstrip("0")].update({k: int(v) for k, v in (x.split("=") for x in w[2:] if re.match(r"N\d+=", x))})
    return out


class Play:
    """One repetition: snapshots {label: {path: text}} in order, ops, deaths, the kernel's log."""

    def __init__(self, data):
        self.snapshots, self.ops, self.deaths, self.log = {}, {}, [], ""
        at = 0
        while at < len(data):
            end = data.index(b"\n", at)
            w = data[at:end].decode().split()
            at = end + 1
            if w[0] == "=OP":
                self.ops[int(w[1])] = dict(zip(("state", "error", "minflt", "majflt", "ns", "touches", "sum"), w[2:]))
            elif w[0] == "=DEATH":
                self.deaths.append({"proc": w[1], "wait_status": int(w[2]), "op": int(w[3])})
            elif w[0] != "=DONE":
                size = int(w[2])
                text = data[at:at + size].decode(errors="replace")
                at += size
                if w[1] == "dmesg":
                    self.log = text
                else:
                    files = self.snapshots.setdefault(w[0][1:], {})
                    files[w[1]] = files.get(w[1], "") + text
        self.machine = self.snapshots.pop("machine")
        self.vmstat = {l: (numbers(s["/proc/vmstat"]), numbers(s["/proc/vmstat.end"])) for l, s in self.snapshots.items()}

    def complaints(self, program):
        """What did not happen as the trace says."""
        for i, op in sorted(self.ops.items()):
            what = program.ops.get(i, "")
            if op["state"] != "done":
                yield "op %d (%s): %s" % (i, what, op["state"])
            elif op["error"] != "0":
                yield "op %d (%s): errno %s" % (i, what, op["error"])
            elif i in program.sums and int(op["touches"]) and (int(op["touches"]), op["sum"]) != (
                    program.sums[i][0], program.sums[i][1].lstrip("0")):
                yield "op %d (%s): %s touches, checksum %s; the trace says %s %s" % (
                    i, what, op["touches"], op["sum"], *program.sums[i])

    def labels(self):
        return list(self.snapshots)

    def step(self, a, b):
        """Events between two snapshots; what taking the first one cost is left out."""
        before, after = self.vmstat[a][1], self.vmstat[b][0]
        return {k: v - before.get(k, 0) for k, v in after.items()
                if (k in EVENTS_NAMED_NR or not k.startswith("nr_")) and k not in GAUGES and v != before.get(k, 0)}

    def node_step(self, nid, a, b):
        path = "/sys/devices/system/node/node%s/numastat" % nid
        before, after = numbers(self.snapshots[a][path + ".end"]), numbers(self.snapshots[b][path])
        return {k: v - before[k] for k, v in after.items()}

    def nodes(self):
        return sorted({m[1] for p in self.snapshots["before"] for m in [re.search(r"/node(\d+)/numastat$", p)] if m}, key=int)

    def oom(self):
        invoked = re.findall(r"(\S+) invoked oom-killer: (.*)", self.log)
        reasons = re.findall(r"oom-kill:.*", self.log)
        killed = re.findall(r"Out of memory.*", self.log)
        return [{"invoker": w, "what": t, "constraint": reasons[i] if i < len(reasons) else None,
                 "killed": killed[i] if i < len(killed) else None} for i, (w, t) in enumerate(invoked)]

    def tables(self):
        """{table: … {counter: value}}, as one repetition has them."""
        order = self.labels()
        pairs = list(zip(order, order[1:]))
        out = {"total": {}, "steps": {"%s->%s" % p: self.step(*p) for p in pairs}, "per_node": {}, "regions": {},
               "gauges": {l: {k: self.vmstat[l][0][k] for k in GAUGES if k in self.vmstat[l][0]} for l in order}}
        for step in out["steps"].values():
            for k, v in step.items():
                out["total"][k] = out["total"].get(k, 0) + v
        for nid in self.nodes():
            node = out["per_node"][nid] = {}
            for p in pairs:
                for k, v in self.node_step(nid, *p).items():
                    node[k] = node.get(k, 0) + v
        for label in order:
            snapshot = self.snapshots[label]
            groups = self.groups(label)
            if groups:
                out.setdefault("memcg", {})[label] = groups
            for path, text in snapshot.items():
                m = re.fullmatch(r"/proc/(P\d+)/smaps", path)
                if m:
                    out["regions"].setdefault(label, {})[m[1]] = mappings(
                        text, snapshot.get("/proc/%s/numa_maps" % m[1], ""))
        return out

    def groups(self, label):
        """{group: {file or file.counter: value}}; memory.stat's counters by their names alone."""
        out = {}
        for path, text in self.snapshots[label].items():
            m = re.fullmatch(r"/sys/fs/cgroup/(.+)/(memory\.[a-z.]+)", path)
            if m and text.strip().isdigit():
                out.setdefault(m[1], {})[m[2]] = int(text)
            elif m:
                prefix = "" if m[2] == "memory.stat" else m[2] + "."
                out.setdefault(m[1], {}).update({prefix + k: v for k, v in numbers(text).items()})
        return out

    def before(self):
        s = self.snapshots["before"]
        nodes = {}
        for nid in self.nodes():
            path = "/sys/devices/system/node/node%s/" % nid
            nodes[nid] = {"numastat": numbers(s[path + "numastat"]), "distance": s[path + "distance"].strip(),
                          "cpulist": s[path + "cpulist"].strip(), "meminfo_kB": sizes(s[path + "meminfo"])}
        return {"zones": zones(s["/proc/zoneinfo"]), "buddy": buddy(s["/proc/buddyinfo"]),
                "meminfo_kB": sizes(s["/proc/meminfo"]), "nodes": nodes, "slab": slab(s["/proc/slabinfo"]),
                "vmstat_gauges": {k: v for k, v in self.vmstat["before"][0].items() if k.startswith("nr_")}}

    def parameters(self):
        out = {}
        for path, text in self.machine.items():
            name = re.sub(r"^/proc/sys/(vm|kernel)/", r"\1.", path)
            name = re.sub(r"^(/sys/kernel/mm/|/sys/block/|/proc/)", "", name)
            value = text.strip()
            out[name] = int(value) if re.fullmatch(r"-?\d+", value) else value
        out["cpus"] = out.pop("cpuinfo").count("processor\t")
        return out


def together(tables):
    """Repetitions side by side: numbers become lists, what one lacks is 0."""
    if any(isinstance(t, dict) for t in tables):
        keys = sorted({k for t in tables if t for k in t})
        return {k: together([(t or {}).get(k) for t in tables]) for k in keys}
    return [t or 0 for t in tables]


def groups(requested):
    """The parameters of groups and sets; the machine mounts cgroup2 without memory_recursiveprot."""
    given = {"memcg." + k: v for k, v in requested.get("memcg", {}).items()}
    if given:
        given["memcg.recursiveprot"] = "false"
    return dict(given, **{"cpuset." + k: v for k, v in requested.get("cpuset", {}).items()})


def configuration(name, scenario, machine, requested, program, plays):
    first = plays[0]
    ops = {"%d %s" % (i, program.ops.get(i, "")): {
        k: [p.ops.get(i, {}).get(k, 0) if k == "state" else int(p.ops.get(i, {}).get(k, 0)) for p in plays]
        for k in ("state", "minflt", "majflt", "ns")} for i in sorted(first.ops)}
    out = {"format": "memgt-config 1", "name": name, "scenario": scenario, "machine": machine, "requested": requested,
           "repetitions": len(plays), "kernel_params": dict(first.parameters(), **groups(requested)),
           "order": [l for l in first.labels() if l not in ("before", "after")], "before": first.before()}
    out.update(together([p.tables() for p in plays]))
    out["ops"] = ops
    out["deaths"] = [p.deaths for p in plays]
    out["oom"] = [p.oom() for p in plays]
    return out

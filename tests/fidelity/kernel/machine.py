"""The virtual machine that a scenario is played in: kernel, player, first file system, disks, QEMU's command line."""
import glob
import os
import re
import shutil
import struct
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
FILES = {"f16": 16, "f64": 64, "f128": 128, "f256": 256}  # MiB, on the data disk

MODULES = ["virtio/virtio_ring", "virtio/virtio", "virtio/virtio_pci_modern_dev", "virtio/virtio_pci_legacy_dev",
           "virtio/virtio_pci", "block/virtio_blk", "char/virtio_console"]

CAPTURED = ["/proc/meminfo", "/proc/zoneinfo", "/proc/buddyinfo", "/proc/slabinfo"]
CAPTURED_OF_NODE = ["meminfo", "distance", "cpulist"]
CAPTURED_OF_PROCESS = ["smaps", "numa_maps"]

PARAMETERS = ["/proc/sys/vm/" + n for n in (
    "swappiness min_free_kbytes watermark_scale_factor watermark_boost_factor zone_reclaim_mode page-cluster dirty_ratio "
    "dirty_background_ratio dirty_expire_centisecs dirty_writeback_centisecs overcommit_memory overcommit_ratio "
    "lowmem_reserve_ratio vfs_cache_pressure extfrag_threshold compaction_proactiveness min_slab_ratio "
    "min_unmapped_ratio").split()]
PARAMETERS += ["/proc/sys/kernel/numa_balancing", "/sys/kernel/mm/transparent_hugepage/enabled",
               "/sys/kernel/mm/transparent_hugepage/defrag", "/sys/kernel/mm/transparent_hugepage/shmem_enabled",
               "/sys/kernel/mm/lru_gen/enabled",
               "/sys/kernel/mm/lru_gen/min_ttl_ms", "/sys/kernel/mm/swap/vma_ra_enabled",
               "/sys/block/vda/queue/read_ahead_kb", "/proc/version", "/proc/cpuinfo"]

DEFAULTS = {"nodes": [256], "cpus_per_node": None, "dist": None, "swap": 0, "swap_rotational": 0, "accel": "tcg-mt",
            "cpu": "max,la57=off,erms=off,fsrm=off"}
REQUESTED = {"thp": "never", "lru_gen": "0x0000", "numa_balancing": 0, "sysctl": {}, "cmdline": "", "ro_extra": "",
             "memcg": {}, "cpuset": {}}
CAPTURED_OF_SET = ["cpuset.mems.effective", "cpuset.cpus.effective"]
CAPTURED_OF_GROUP = ["memory.stat", "memory.events", "memory.swap.events", "memory.current", "memory.peak",
                     "memory.swap.current"]


class Failure(Exception):
    pass


class Groups:
    """What requested["memcg"] says, as faultline's parameters memcg.NAME do (models/kernel/memcg.h): lists as text."""

    files = {"max": "memory.max", "high": "memory.high", "low": "memory.low", "min": "memory.min",
             "swap_max": "memory.swap.max", "swap_high": "memory.swap.high", "oom_group": "memory.oom.group"}

    def __init__(self, requested):
        given = {k: str(v).split() for k, v in requested.get("memcg", {}).items()}
        lists = {k: v for k, v in given.items() if k in self.files}
        unknown = set(given) - set(lists) - {"name", "of"}
        if unknown:
            raise Failure("memcg.%s: no such key; see --help" % sorted(unknown)[0])
        most = max((len(v) for v in lists.values()), default=0)
        self.names = given.get("name") or ["g%d" % i for i in range(most)]
        self.of = dict(w.split(":") for w in given.get("of", [])) or ({"0": "0"} if self.names else {})
        self.limits = [(self.names[i], self.files[k], v[0 if len(v) == 1 else i])
                       for k, v in lists.items() for i in range(len(self.names))]

    def folder(self, name):
        return "/sys/fs/cgroup/" + (self.names[int(name)] if name.isdigit() else name)

    def setup(self):
        if not self.names:
            return []
        lines = ["mount cgroup2 cgroup2 /sys/fs/cgroup", "write /sys/fs/cgroup/cgroup.subtree_control +memory"]
        for name in self.names:
            lines += ["folder " + self.folder(name)]
            if any(n.startswith(name + "/") for n in self.names):
                lines += ["write %s/cgroup.subtree_control +memory" % self.folder(name)]
        lines += ["write %s/%s %s" % (self.folder(n), f, v) for n, f, v in self.limits]
        return lines + ["enter %s %s" % (pid, self.folder(g)) for pid, g in self.of.items() if g != "root"]

    def captures(self):
        return ["capture %s/%s" % (self.folder(n), f) for n in self.names for f in CAPTURED_OF_GROUP]


class Sets:
    """What requested["cpuset"] says, as faultline's parameters cpuset.NAME do (models/kernel/cpuset.h); changes at
    marks alone."""

    def __init__(self, requested):
        given = {k: str(v).split() for k, v in requested.get("cpuset", {}).items()}
        unknown = set(given) - {"name", "mems", "cpus", "of", "changes"}
        if unknown:
            raise Failure("cpuset.%s: no such key; see --help" % sorted(unknown)[0])
        lists = {k: v for k, v in given.items() if k in ("mems", "cpus")}
        self.names = given.get("name") or ["s%d" % i for i in range(max((len(v) for v in lists.values()), default=0))]
        self.of = dict(w.split(":") for w in given.get("of", [])) or ({"0": "0"} if self.names else {})
        self.lists = [(n, "cpuset." + k, v[0 if len(v) == 1 else i])
                      for k, v in lists.items() for i, n in enumerate(self.names)]
        self.changes = []
        for change in given.get("changes", []):
            m = re.fullmatch(r"@([^:]+):(.+)\.(mems|cpus)=(\S*)", change)
            if not m:
                raise Failure("cpuset.changes: expected @LABEL:SET.mems=LIST, found \"%s\"" % change)
            self.changes.append(m.groups())

    def folder(self, name):
        return "/sys/fs/cgroup/" + (self.names[int(name)] if name.isdigit() else name)

    def setup(self):
        if not self.names:
            return []
        lines = ["mount cgroup2 cgroup2 /sys/fs/cgroup", "write /sys/fs/cgroup/cgroup.subtree_control +cpuset"]
        for name in self.names:
            lines += ["folder " + self.folder(name)]
            if any(n.startswith(name + "/") for n in self.names):
                lines += ["write %s/cgroup.subtree_control +cpuset" % self.folder(name)]
        lines += ["write %s/%s %s" % (self.folder(n), f, v) for n, f, v in self.lists if v != "-"]
        lines += ["at %s %s/cpuset.%s %s" % (label, self.folder(n), f, v.strip("-")) for label, n, f, v in self.changes]
        return lines + ["enter %s %s" % (pid, self.folder(g)) for pid, g in self.of.items() if g != "root"]

    def captures(self):
        return ["capture %s/%s" % (self.folder(n), f) for n in self.names for f in CAPTURED_OF_SET]


def run(*words, **options):
    try:
        return subprocess.run(words, check=True, **options)
    except FileNotFoundError:
        raise Failure("%s is not installed; `tests/setup.sh kernel` installs what this needs" % words[0])
    except subprocess.CalledProcessError as e:
        raise Failure("%s ended with status %d" % (" ".join(map(str, words[:3])), e.returncode))


def cpio(entries):
    """A "newc" archive of (name, bytes, mode)."""
    out = bytearray()
    for number, (name, data, mode) in enumerate(entries + [("TRAILER!!!", b"", 0)], 1):
        head = "070701" + "".join("%08X" % v for v in (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0,
                                                       len(name) + 1, 0))
        out += head.encode() + name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


class Machine:
    """What is built once, in a folder: kernel, modules, player, data disk."""

    def __init__(self, folder, package=None):
        self.folder = os.path.abspath(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.kernel = self.unpack_kernel(package)
        self.player = os.path.join(self.folder, "player")
        run("gcc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-static", "-s", "-I" + ROOT, "-o", self.player,
            os.path.join(HERE, "player.c"), os.path.join(HERE, "stage.c"))
        self.data = self.make_data()

    def unpack_kernel(self, package):
        tree = os.path.join(self.folder, "kernel")
        if package is None and not glob.glob(tree + "/boot/vmlinuz-*"):
            text = run("apt-cache", "depends", "linux-image-cloud-amd64", capture_output=True, text=True).stdout
            name = re.search(r"Depends: (linux-image-\S+)", text)
            if not name:
                raise Failure("apt knows no package linux-image-cloud-amd64; name a .deb with --kernel")
            run("apt-get", "download", name[1], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            package = sorted(glob.glob(os.path.join(self.folder, name[1] + "_*.deb")))[-1]
        if package:
            shutil.rmtree(tree, ignore_errors=True)
            run("dpkg-deb", "-x", package, tree)
        found = glob.glob(tree + "/boot/vmlinuz-*")
        if not found:
            raise Failure("%s: no boot/vmlinuz-* inside" % (package or tree))
        return found[0]

    def make_data(self):
        image = os.path.join(self.folder, "data.img")
        if os.path.exists(image):
            return image
        with tempfile.TemporaryDirectory(dir=self.folder) as d:
            for name, mib in FILES.items():
                with open(os.path.join(d, name), "wb") as f:
                    for page in range(mib * 256):
                        f.write(struct.pack("<Q", page) * 512)
            run("truncate", "-s", "768M", image + ".new")
            run("mkfs.ext4", "-q", "-F", "-b", "4096", "-O", "^has_journal", "-E", "lazy_itable_init=0,nodiscard", "-m", "0",
                "-d", d, image + ".new")
        os.rename(image + ".new", image)
        return image

    def setup(self, machine, requested):
        """The player's /setup."""
        lines = ["mount proc proc /proc", "mount sysfs sysfs /sys", "mount devtmpfs devtmpfs /dev"]
        lines += ["module /modules/%s.ko" % os.path.basename(m) for m in MODULES]
        lines += ["wait /dev/vdb"]
        if machine["swap"]:
            lines += ["write /sys/block/vda/queue/rotational %d" % machine["swap_rotational"], "swapon /dev/vda"]
        lines += ["mount ext4 /dev/vdb /data"]
        if requested["thp"] != "boot":
            lines += ["write /sys/kernel/mm/transparent_hugepage/enabled " + requested["thp"]]
        lines += ["write /sys/kernel/mm/lru_gen/enabled %s" % requested["lru_gen"]]
        if len(machine["nodes"]) > 1:
            lines += ["write /proc/sys/kernel/numa_balancing %d" % requested["numa_balancing"]]
        lines += ["write /proc/sys/%s %s" % (k.replace(".", "/"), v) for k, v in requested["sysctl"].items()]
        for line in requested.get("ro_extra", "").splitlines():
            m = re.fullmatch(r"\s*echo (\S+) > (\S+)\s*", line)
            if not m:
                raise Failure("ro_extra: expected \"echo VALUE > PATH\", found \"%s\"" % line)
            lines += ["write %s %s" % (m[2], m[1])]
        groups, sets = Groups(requested), Sets(requested)
        lines += groups.setup() + sets.setup()
        lines += ["write /proc/sys/vm/drop_caches 3", "sleep 1000", "port /dev/vport%dp1" % self.port]
        lines += ["once " + p for p in PARAMETERS]
        lines += ["capture " + p for p in CAPTURED]
        lines += ["capture /sys/devices/system/node/node%d/%s" % (n, p) for n in range(len(machine["nodes"]))
                  for p in CAPTURED_OF_NODE]
        lines += ["capture_process " + p for p in CAPTURED_OF_PROCESS]
        lines += groups.captures() + sets.captures()
        return "\n".join(lines) + "\n"

    port = 2  # virtio devices are numbered in the order of QEMU's arguments: swap, data, then the port

    def initrd(self, setup, program, labels):
        drivers = glob.glob(os.path.join(self.folder, "kernel/lib/modules/*/kernel/drivers"))[0]
        entries = [(d, b"", 0o040755) for d in ("proc", "sys", "dev", "data", "modules")]
        for m in MODULES:
            path = os.path.join(drivers, m + ".ko")
            if os.path.exists(path):  # built in, in some kernels
                entries.append(("modules/%s.ko" % os.path.basename(m), open(path, "rb").read(), 0o100644))
            else:
                setup = setup.replace("module /modules/%s.ko\n" % os.path.basename(m), "")
        entries.append(("init", open(self.player, "rb").read(), 0o100755))
        entries.append(("setup", setup.encode(), 0o100644))
        entries.append(("program", program, 0o100644))
        entries.append(("labels", "".join(l + "\n" for l in labels).encode(), 0o100644))
        return cpio(entries)

    def command(self, machine, requested, folder):
        nodes = machine["nodes"]
        each = machine["cpus_per_node"] or (2 if len(nodes) == 1 else 1)
        thread = {"tcg-mt": "multi", "tcg-rr": "single"}
        words = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-no-reboot", "-machine", "pc"]
        if machine["accel"] in thread:
            words += ["-accel", "tcg,thread=" + thread[machine["accel"]], "-cpu", machine.get("cpu") or DEFAULTS["cpu"]]
        else:
            words += ["-accel", "kvm", "-cpu", "host"]
        words += ["-m", "%dM" % sum(nodes), "-smp", "%d,sockets=%d,cores=%d" % (each * len(nodes), len(nodes), each)]
        for i, mib in enumerate(nodes if len(nodes) > 1 else []):
            words += ["-object", "memory-backend-ram,id=m%d,size=%dM" % (i, mib)]
            words += ["-numa", "node,nodeid=%d,memdev=m%d,cpus=%d-%d" % (i, i, i * each, i * each + each - 1)]
        for i, row in enumerate(machine["dist"] or []):
            for j, distance in enumerate(row):
                if i != j:
                    words += ["-numa", "dist,src=%d,dst=%d,val=%d" % (i, j, distance)]
        words += ["-drive", "file=%s/swap.img,format=raw,if=none,id=swap,cache=unsafe" % folder,
                  "-device", "virtio-blk-pci,drive=swap",
                  "-drive", "file=%s,format=raw,if=none,id=data,cache=unsafe,snapshot=on" % self.data,
                  "-device", "virtio-blk-pci,drive=data",
                  "-device", "virtio-serial-pci", "-chardev", "file,id=out,path=%s/out" % folder,
                  "-device", "virtserialport,chardev=out,name=out", "-serial", "file:%s/console" % folder,
                  "-kernel", self.kernel, "-initrd", folder + "/initrd", "-append",
                  "console=ttyS0 quiet panic=-1 rootfstype=ramfs norandmaps nokaslr mitigations=off no_timer_check "
                  "cryptomgr.notests ipv6.disable=1 " + requested["cmdline"]]
        return words

    def play(self, machine, requested, program, labels, timeout):
        """Boots, plays, returns what the player sent (bytes)."""
        with tempfile.TemporaryDirectory(dir=self.folder) as d:
            run("truncate", "-s", "%dM" % max(machine["swap"], 1), d + "/swap.img")
            if machine["swap"]:
                run("mkswap", "-q", d + "/swap.img", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with open(d + "/initrd", "wb") as f:
                f.write(self.initrd(self.setup(machine, requested), program, labels))
            began = time.time()
            try:
                with open(d + "/err", "w") as err:
                    subprocess.run(self.command(machine, requested, d), stdin=subprocess.DEVNULL, stderr=err,
                                   timeout=timeout, env=dict(os.environ, TMPDIR=d))
            except FileNotFoundError:
                raise Failure("qemu-system-x86_64 is not installed; `tests/setup.sh kernel` installs what this needs")
            except subprocess.TimeoutExpired:
                pass
            out = open(d + "/out", "rb").read() if os.path.exists(d + "/out") else b""
            if not out.endswith(b"=DONE\n"):
                tail = open(d + "/console", errors="replace").read()[-1500:] if os.path.exists(d + "/console") else ""
                raise Failure("the machine stopped after %.0f s without a result:\n%s%s" % (
                    time.time() - began, open(d + "/err").read()[-500:], tail))
            return out

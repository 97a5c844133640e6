"""A "memtrace 1" text trace as the program that the player reads (player.h)."""
import re
import struct
import subprocess

MAGIC = 0x315941504d4c46
STORE = 1 << 31
REACH = 1 << 31  # eights of bytes that a touch can lie behind its base

OPS = {n: i + 1 for i, n in enumerate(
    "touch spawn fork exit affinity oom_score_adj mmap munmap mprotect madvise mlock munlock mremap set_mempolicy mbind "
    "read write fsync fadvise drop_caches sleep snapshot".split())}
MADVISE = {"normal": 0, "random": 1, "sequential": 2, "willneed": 3, "dontneed": 4, "free": 8, "hugepage": 14,
           "nohugepage": 15, "cold": 20, "pageout": 21, "populate_read": 22, "populate_write": 23}
FADVISE = {"normal": 0, "random": 1, "sequential": 2, "willneed": 3, "dontneed": 4, "noreuse": 5}
POLICIES = {"default": 0, "preferred": 1, "bind": 2, "interleave": 3, "local": 4, "preferred_many": 5}
FLAGS = {"shared": 1, "private": 2, "anon": 0x20, "populate": 0x8000, "file": 0}


def protection(word):
    return sum(1 << "rwx".index(c) for c in word if c != "-")


def flags(word):
    return sum(FLAGS[f] for f in word.split(","))


def number(word):
    return int(word, 0) & 0xFFFFFFFFFFFFFFFF


# How the words behind an operation become its arguments.
ARGUMENTS = {
    "fork": [number], "affinity": [number], "oom_score_adj": [number], "drop_caches": [number], "sleep": [number],
    "mmap": [number, number, protection, flags, number, number], "munmap": [number, number],
    "mprotect": [number, number, protection], "madvise": [number, number, MADVISE.__getitem__],
    "mlock": [number, number], "munlock": [number, number], "mremap": [number] * 4,
    "set_mempolicy": [POLICIES.__getitem__, number],
    "mbind": [number, number, POLICIES.__getitem__, number, lambda w: 2 if w == "move" else 0],
    "read": [number] * 3, "write": [number] * 3, "fsync": [number],
    "fadvise": [number, number, number, FADVISE.__getitem__], "spawn": [], "exit": [],
}


class Program:
    """events, touches, files; ops: {index: text}; sums: {index: (touches, checksum)} as the trace says."""

    def __init__(self, path):
        self.files, self.events, self.touches, self.labels = [], [], [], []
        self.ops, self.sums = {}, {}
        self.index = 0
        self.run = None  # process, base and first of the touches at hand
        text = subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True, text=True).stdout \
            if path.endswith(".zst") else open(path).read()
        if not text.startswith("# memtrace 1\n"):
            raise ValueError("%s: no \"memtrace 1\" trace" % path)
        for n, line in enumerate(text.splitlines(), 1):
            try:
                self.line(line)
            except (ValueError, KeyError, IndexError) as e:
                raise ValueError("%s:%d: %s: %r" % (path, n, line, e))
        self.flush()

    def line(self, line):
        c = line[:1]
        if c in "RW" and line[1:2] == " ":
            word = line.split(" ")
            self.touch(int(word[1]), int(word[3], 16), c == "W")
            return
        self.flush()
        word = line.split(" ")
        if c == "M":
            self.call(word)
        elif c == "S":
            self.labels.append(word[2])
            self.add("snapshot", 0, [len(self.labels) - 1])
        elif c == "F":
            self.files.append((word[2], word[4] == "new", int(word[3])))
        elif line.startswith("# op "):
            self.index = int(word[2])
            self.ops[self.index] = " ".join(word[3:])
        elif line.startswith("# sum "):
            self.sums[int(word[2])] = (int(word[3]), word[4])

    def call(self, word):
        name, pid = word[5], int(word[1])
        arguments = [kind(w) for kind, w in zip(ARGUMENTS[name], word[6:], strict=True)]
        self.add(name, pid, [int(word[3])] if name == "spawn" else arguments)

    def touch(self, pid, address, store):
        if address % 8:
            raise ValueError("the address is no multiple of 8")
        if self.run and (self.run[0] != pid or not 0 <= (address - self.run[1]) // 8 < REACH):
            self.flush()
        if not self.run:  # the base: well below, so that later touches may lie lower
            self.run = (pid, max(0, address - REACH * 4), len(self.touches))
        self.touches.append((address - self.run[1]) // 8 | (STORE if store else 0))

    def flush(self):
        if self.run:
            pid, base, first = self.run
            self.run = None
            self.add("touch", pid, [base, len(self.touches) - first, first])

    def add(self, name, pid, arguments):
        self.events.append(struct.pack("<4I6Q", OPS[name], pid, self.index, 0, *(arguments + [0] * (6 - len(arguments)))))

    def packed(self):
        out = struct.pack("<4Q", MAGIC, len(self.files), len(self.events), len(self.touches))
        for path, created, size in self.files:
            out += struct.pack("<112sQQ", path.encode(), created, size)
        return out + b"".join(self.events) + struct.pack("<%dI" % len(self.touches), *self.touches)

#!/usr/bin/env python3
"""Asks a real Linux kernel what it counts: plays scenarios in a virtual machine and writes configurations that
`faultline fidelity` takes and score.py compares.

    play.py -o FOLDER CONFIG.json...            the scenario and machine of a configuration, once more
    play.py -o FOLDER --random KIND FROM TO     random scenarios by seed; KIND: exact, numa, pressure, group
    play.py -o FOLDER TRACE [key=value]...      a "memtrace 1" trace on a machine of its own

  -o FOLDER        gets configs/NAME.json and traces/SCENARIO.trace.zst
  --repeat N       repetitions (3)
  --kernel DEB     a kernel package; otherwise the newest linux-image-cloud-amd64 that apt knows is fetched
  --work FOLDER    for what is built once (build/kernel)
  --timeout S      for one repetition (180)

Keys: nodes=[256] (MiB each), cpus_per_node, dist (matrix), swap (MiB), swap_rotational, accel (tcg-mt, tcg-rr, kvm),
thp, lru_gen, numa_balancing, cmdline, any vm.NAME or kernel.NAME, memcg.NAME as faultline has it (groups without
swappiness), and cpuset.NAME (name, mems, cpus, of, and changes at marks); values in JSON.

A repetition takes 5 to 60 seconds. Each is checked: every operation succeeded, every access was made, in order.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import machine as vm  # noqa: E402
import result  # noqa: E402
import scenarios  # noqa: E402
from program import Program  # noqa: E402


def settings(pairs):
    machine, requested = dict(vm.DEFAULTS), dict(vm.REQUESTED, sysctl={}, memcg={}, cpuset={})
    for key, value in pairs.items():
        if key.startswith(("vm.", "kernel.")):
            requested["sysctl"][key] = value
        elif key.startswith("memcg."):
            requested["memcg"][key[6:]] = value
        elif key.startswith("cpuset."):
            requested["cpuset"][key[7:]] = value
        elif key in machine:
            machine[key] = value
        elif key in requested:
            requested[key] = value
        else:
            raise vm.Failure("%s: no such key; see --help" % key)
    return machine, requested


def parse_pairs(words):
    out = {}
    for word in words:
        key, _, value = word.partition("=")
        try:
            out[key] = json.loads(value)
        except ValueError:
            out[key] = value
    return out


def jobs(a):
    """(name, scenario, path of the trace, machine, requested) of everything that is asked for."""
    if a.random:
        kind, first, last = a.random[0], int(a.random[1]), int(a.random[2])
        for seed in range(first, last + 1):
            scenario = scenarios.Scenario(kind, seed)
            path = os.path.join(a.output, "traces", scenario.name + ".trace")
            with open(path, "w") as f:
                f.write(scenario.text())
            subprocess.run(["zstd", "-12", "-q", "-f", "--rm", path], check=True)
            yield (scenario.name, scenario.name, path + ".zst", *settings(scenario.settings))
        return
    pairs = parse_pairs([w for w in a.what if "=" in w])
    for path in [w for w in a.what if "=" not in w]:
        if path.endswith(".json"):
            c = json.load(open(path))
            trace = os.path.join(os.path.dirname(os.path.abspath(path)), "..", "traces", c["scenario"] + ".trace.zst")
            copy = os.path.join(a.output, "traces", c["scenario"] + ".trace.zst")
            if not os.path.exists(copy):
                shutil.copy(trace, copy)
            yield (c["name"], c["scenario"], copy, dict(vm.DEFAULTS, **c["machine"]), dict(vm.REQUESTED, **c["requested"]))
        else:
            name = os.path.basename(path).split(".")[0]
            copy = os.path.join(a.output, "traces", name + ".trace.zst")
            vm.run("zstd", "-12", "-q", "-f", "-o", copy, path) if not path.endswith(".zst") else shutil.copy(path, copy)
            yield (name, name, copy, *settings(pairs))


def play(built, job, a):
    name, scenario, trace, machine, requested = job
    program = Program(trace)
    packed, plays = program.packed(), []
    for repetition in range(a.repeat):
        done = result.Play(built.play(machine, requested, packed, program.labels, a.timeout))
        for text in done.complaints(program):
            print("%s, repetition %d: %s" % (name, repetition + 1, text), file=sys.stderr)
        plays.append(done)
    with open(os.path.join(a.output, "configs", name + ".json.new"), "w") as f:
        json.dump(result.configuration(name, scenario, machine, requested, program, plays), f, separators=(",", ":"))
    os.rename(f.name, f.name[:-4])
    print("%s: %d repetitions" % (name, len(plays)), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-o", "--output", required=True)
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("--kernel")
    p.add_argument("--work", default="build/kernel")
    p.add_argument("--timeout", type=float, default=180)
    p.add_argument("--random", nargs=3, metavar=("KIND", "FROM", "TO"))
    p.add_argument("what", nargs="*")
    a = p.parse_args()
    for sub in ("configs", "traces"):
        os.makedirs(os.path.join(a.output, sub), exist_ok=True)
    failed = 0
    try:
        built = vm.Machine(a.work, a.kernel)
        for job in jobs(a):
            try:
                play(built, job, a)
            except (vm.Failure, ValueError) as e:
                print("%s: %s" % (job[0], e), file=sys.stderr)
                failed = 1
    except (vm.Failure, OSError, ValueError) as e:
        print("play.py: %s" % e, file=sys.stderr)
        failed = 1
    except KeyboardInterrupt:
        failed = 130
    return failed


if __name__ == "__main__":
    sys.exit(main())

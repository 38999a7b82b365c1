#!/usr/bin/env python3
"""Runs the C++ benchmarks and their Rust peer alternately, and compares the results.

This script does not build anything; `make bench` builds the programs and then calls it. Every case runs in its own
process, ours and the peer's in direct succession, for several rounds. The results are the medians of the rounds,
because machines are noisy and drift. Prints a table, and writes BUILD_DIR/bench/results.json, a list of
{case, ours_ns, peer, peer_ns, ratio, goal}.

Benchmarks of the C++ program are selected by name (a suffix such as `/real_time` is allowed). The time is the real time
per iteration, or the counter `ns` if the benchmark sets it.

Exit codes: 0 success, 1 a goal was missed (only with --check), 2 a program failed.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, Optional


class Row(NamedTuple):
    """A line of the table: the two benchmarks that are compared, and the maximum ratio."""

    case: str
    ours: str  # a benchmark of the C++ program
    peer: Optional[str]  # a case of the Rust peer, "ours:NAME" for a benchmark of the C++ program, or None
    peer_name: str
    goal: Optional[float]
    limit_ns: Optional[float] = None  # an absolute limit instead of a peer


TYPED = "wasmtime typed"
VAL = "wasmtime Val"
BINDGEN = "bindgen!"
INSTANCE = "InstancePre"

# A case without a goal is informational.
ROWS = [
    Row("nop", "nop", "nop", TYPED, 1.15),
    Row("add-u32", "add-u32", "add-u32", TYPED, 1.15),
    Row("echo-bytes-64k", "echo-bytes-64k", "ours:memcpy-64k", "two memcpy", 1.10),
    Row("echo-bytes-64k-typed", "echo-bytes-64k", "echo-bytes-64k", TYPED, None),
    Row("echo-points-1000", "echo-points-1000", "echo-points-1000", TYPED, 0.10),
    Row("echo-strings-1000", "echo-strings-1000", "echo-strings-1000", TYPED, 0.80),
    Row("echo-strings-1000-views", "echo-strings-1000-views", "echo-strings-1000", TYPED, 0.45),
    Row("host-call-u32", "host-call-u32", "host-call-u32", TYPED, 1.30),
    Row("host-call-string", "host-call-string", "host-call-string", TYPED, 1.00),
    Row("bindings-nop", "bindings-nop", "bindings-nop", BINDGEN, 1.15),
    Row("bindings-add-u32", "bindings-add-u32", "bindings-add-u32", BINDGEN, 1.15),
    Row("bindings-echo-bytes-64k", "bindings-echo-bytes-64k", "ours:memcpy-64k", "two memcpy", 1.10),
    Row("bindings-echo-bytes-64k-rust", "bindings-echo-bytes-64k", "bindings-echo-bytes-64k",
        BINDGEN, None),
    Row("bindings-echo-points-1000", "bindings-echo-points-1000", "bindings-echo-points-1000",
        BINDGEN, 0.10),
    Row("bindings-echo-strings-1000", "bindings-echo-strings-1000", "bindings-echo-strings-1000",
        BINDGEN, 0.80),
    Row("bindings-host-call-u32", "bindings-host-call-u32", "bindings-host-call-u32", BINDGEN, 1.30),
    Row("bindings-host-call-string", "bindings-host-call-string", "bindings-host-call-string",
        BINDGEN, 1.00),
    Row("val-add-u32", "val-add-u32", "val-add-u32", VAL, 1.00),
    Row("val-echo-points-1000", "val-echo-points-1000", "val-echo-points-1000", VAL, 0.25),
    Row("val-echo-points-1000-fields", "val-echo-points-1000-fields", "val-echo-points-1000", VAL, 0.25),
    Row("val-echo-bytes-64k", "val-echo-bytes-64k", "ours:memcpy-64k", "two memcpy", None),
    Row("instantiate", "instantiate", "instantiate", INSTANCE, 1.10),
    Row("instantiate-pooling", "instantiate-pooling", "instantiate-pooling", INSTANCE, None),
    Row("instantiate-wasi-async", "instantiate-wasi-async", "instantiate-wasi-async",
        "instantiate_async", 1.10),
    Row("wasi-async-add-u32", "wasi-async-add-u32", "wasi-async-add-u32", "call_async", 1.15),
    Row("load-artifact", "load-artifact", None, "limit", 1.00, limit_ns=5e6),
    Row("load-artifact-wasmtime", "load-artifact", "load-artifact", "deserialize_file", None),
]

OURS = "tairitsu_bench"
PEER = "tairitsu-bench-peer"
# Both programs report the median of this many batches. The peer's constant is in measure.rs.
BATCHES = 101
REPOSITORY = Path(__file__).resolve().parent.parent
UNIT_NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}


class Failure(Exception):
    """A program failed. The message says which, and what to do."""


class Programs:
    """Runs single cases of both programs."""

    def __init__(self, ours, peer, guests, seconds):
        self.ours = ours
        self.peer = peer
        self.guests = guests
        self.seconds = seconds

    def measure(self, key):
        """Returns the nanoseconds per call for a key of `keys_of`."""
        program, name = key
        return self._ours(name) if program == "ours" else self._peer(name)

    def own_names(self):
        listed = self._run([self.ours, "--benchmark_list_tests=true"], "listing the benchmarks")
        return {line.split("/")[0] for line in listed.split()}

    def make_big(self, path):
        self._run([self.peer, "--make-big", path], "creating the 12 MB component")

    def _ours(self, name):
        command = [
            self.ours,
            # Names need no escaping, and POSIX expressions do not support everything that re.escape returns.
            f"--benchmark_filter=^{name}(/.*)?$",
            f"--benchmark_min_time={self.seconds / BATCHES}",
            f"--benchmark_repetitions={BATCHES}",
            "--benchmark_format=json",
        ]
        output = self._run(command, f"benchmark {name}")
        # Google Benchmark prints nothing if the filter does not match.
        results = json.loads(output)["benchmarks"] if output.strip() else []
        results = [result for result in results if result.get("run_type") != "aggregate"]
        if not results:
            raise Failure(f"{self.ours}: unknown benchmark {name}")
        for result in results:
            if result.get("error_occurred"):
                raise Failure(f"{self.ours}: benchmark {name}: {result.get('error_message')}")
        return statistics.median(
            float(result["ns"]) if "ns" in result
            else float(result["real_time"]) * UNIT_NS[result["time_unit"]] for result in results)

    def _peer(self, name):
        command = [self.peer, "--case", name, "--seconds", str(self.seconds)]
        for directory in self.guests:
            command += ["--guests", directory]
        output = self._run(command, f"case {name}")
        for line in output.splitlines():
            result = json.loads(line)
            if result["case"] == name:
                return float(result["ns"])
        raise Failure(f"{self.peer}: no output for case {name}")

    def _run(self, command, doing):
        environment = dict(os.environ)
        environment["TAIRITSU_BENCH_GUESTS"] = os.pathsep.join(map(str, self.guests))
        command = [str(word) for word in command]
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=600, check=False)
        except OSError as error:
            raise Failure(f"running {command[0]}: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise Failure(f"{command[0]}: {doing}: timed out after 10 minutes") from error
        if done.returncode != 0:
            ended = (f"exit code {done.returncode}" if done.returncode > 0
                     else f"killed by signal {-done.returncode}")
            raise Failure(f"{command[0]}: {doing}: {ended}\n{done.stderr.strip()}")
        return done.stdout


def find_program(given, candidates, name):
    for path in [given] if given else candidates:
        if path.is_file():
            return path
    tried = ", ".join(str(path) for path in ([given] if given else candidates))
    raise Failure(f"{name} not found (tried {tried}); run 'make bench' to build it")


def keys_of(row):
    """Returns the benchmarks that a row needs, ours first."""
    keys = [("ours", row.ours)]
    if row.peer is not None:
        own = row.peer.startswith("ours:")
        keys.append(("ours", row.peer[len("ours:"):]) if own else ("peer", row.peer))
    return keys


def measure(programs, rows, rounds):
    """Returns the times of each key, one per round. Odd rounds run in reverse, so that no program is always first."""
    keys = list(dict.fromkeys(key for row in rows for key in keys_of(row)))
    times = {key: [] for key in keys}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds} …", file=sys.stderr, flush=True)
        for key in keys if number % 2 == 0 else reversed(keys):
            times[key].append(programs.measure(key))
    return times


def compare(row, times):
    medians = [statistics.median(times[key]) for key in keys_of(row)]
    ours = medians[0]
    peer = row.limit_ns if row.limit_ns is not None else medians[1]
    if not ours > 0 or not peer > 0:
        raise Failure(f"case {row.case}: times must be positive (ours {ours}, peer {peer})")
    return {
        "case": row.case,
        "ours_ns": round(ours, 2),
        "peer": row.peer_name,
        "peer_ns": round(peer, 2),
        "ratio": round(ours / peer, 4),
        "goal": row.goal,
    }


def verdict(result):
    if result["goal"] is None:
        return ""
    return "OK" if result["ratio"] <= result["goal"] else "OVER"


def print_table(results):
    lines = [("case", "ours ns", "peer", "peer ns", "ratio", "goal", "")]
    for result in results:
        goal = result["goal"]
        lines.append((
            result["case"],
            f"{result['ours_ns']:,.1f}",
            result["peer"],
            f"{result['peer_ns']:,.1f}",
            f"{result['ratio']:.3f}",
            "" if goal is None else f"{goal:.2f}",
            verdict(result),
        ))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    left = {0, 2, 6}
    for line in lines:
        cells = (cell.ljust(width) if i in left else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(line, widths)))
        print("  ".join(cells).rstrip())


def positive(kind):
    def parse(text):
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError("must be positive")
        return value
    return parse


def parse_arguments():
    parser = argparse.ArgumentParser(description="Compare Tairitsu with Wasmtime's own Rust API.")
    parser.add_argument("--rounds", type=positive(int), default=5,
                        help="number of runs of each case in each program (5)")
    parser.add_argument("--seconds", type=positive(float), default=0.2,
                        help="duration of a case in a round (0.2)")
    parser.add_argument("--filter", default="", metavar="REGEX",
                        help="run only cases whose name matches")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a goal is missed")
    parser.add_argument("--build-dir", type=Path, default=REPOSITORY / "build",
                        help="CMake build directory (build)")
    parser.add_argument("--peer", type=Path, help=f"path of {PEER}")
    parser.add_argument("--guests", type=Path, action="append", default=[], metavar="DIR",
                        help="additional directory with guests")
    return parser.parse_args()


def run(arguments):
    try:
        pattern = re.compile(arguments.filter)
    except re.error as error:
        raise Failure(f"invalid --filter {arguments.filter!r}: {error}") from error
    rows = [row for row in ROWS if pattern.search(row.case)]
    if not rows:
        names = ", ".join(row.case for row in ROWS)
        raise Failure(f"--filter {arguments.filter!r} matches no case; cases: {names}")

    build = arguments.build_dir
    output = build / "bench"
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    programs = Programs(
        ours=find_program(None, [build / "bin" / OURS], OURS),
        peer=find_program(arguments.peer, [build / "bin" / PEER, target / "release" / PEER], PEER),
        guests=[directory for directory in (*arguments.guests, REPOSITORY / "bench" / "guests", output,
                                      output / "guests", build / "guests") if directory.is_dir()
                or directory == output],
        seconds=arguments.seconds,
    )

    known = programs.own_names()
    missing = {name for row in rows for program, name in keys_of(row) if program == "ours"} - known
    if missing:
        raise Failure(f"{programs.ours}: unknown benchmarks: {', '.join(sorted(missing))}")

    output.mkdir(parents=True, exist_ok=True)
    big = output / "big.wasm"
    if any(row.ours == "load-artifact" for row in rows) and not (
            big.is_file() and big.stat().st_mtime >= programs.peer.stat().st_mtime):
        programs.make_big(big)

    times = measure(programs, rows, arguments.rounds)
    results = [compare(row, times) for row in rows]
    path = output / "results.json"
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print_table(results)
    print(f"\nresults written to {path}", file=sys.stderr)

    over = [result["case"] for result in results if verdict(result) == "OVER"]
    if over:
        print(f"goal missed: {', '.join(over)}", file=sys.stderr)
    return 1 if over and arguments.check else 0


def main():
    try:
        return run(parse_arguments())
    except Failure as failure:
        print(f"bench/run.py: {failure}", file=sys.stderr)
        return 2
    except (ValueError, KeyError, TypeError) as error:
        print(f"bench/run.py: invalid output of a program: {error!r}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 2


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Measures whole processes: the requests per second of `tairitsu serve`, and the duration of `tairitsu run` with a warm
cache, each alternately with the Rust peer; and the parts of such a run, in one process. `make bench` builds the
programs and then calls this script.

wrk sends the requests, over 16 connections, on the same cores. Prints tables, and writes BUILD_DIR/bench/whole.json.
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONNECTIONS = 16
# The image with the 14 MB component; the same name as in tairitsu_bench.cc.
STORED = "js:1"
VERB = "environment"  # Makes it print its environment, which is empty.
# The names of the parts in tairitsu_bench.cc, in order, with descriptions.
PARTS = [("engine", "create the engine"),
         ("find", "find the image in the store"),
         ("look up and load", "find and map the artifact, read its world"),
         ("load", "  of that, without finding it"),
         ("link", "resolve the imports"),
         ("instantiate", "create a container and its guest"),
         ("call", "call the guest"),
         ("end", "free the guest")]


class Server:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"listening on (http://\S+)", line)
        if not found:
            raise RuntimeError(f"{command[0]}: failed to listen: {line}{self.process.communicate()[0]}")
        self.url = found[1] + "/"

    def resident_mib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


def load(url, seconds):
    done = subprocess.run(["wrk", "--latency", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", url], capture_output=True,
                          text=True, check=True).stdout
    if "Non-2xx" in done or "Socket errors" in done:
        raise RuntimeError("requests failed:\n" + done)
    return {"requests": float(re.search(r"Requests/sec:\s+([\d.]+)", done)[1]),
            "p50": milliseconds(re.search(r"^\s+50%\s+(\S+)", done, re.M)[1]),
            "p99": milliseconds(re.search(r"^\s+99%\s+(\S+)", done, re.M)[1])}


def serve(tairitsu, peer, guest, rounds, seconds):
    """Measures requests per second. The peer uses the defaults of the pooling allocator, like `wasmtime serve`."""
    ours = [tairitsu, "serve", "--addr", "127.0.0.1:0", "--log", "none", guest]
    cases = [
        ("fresh instances", ours, [peer, "--serve", guest], 2.0),
        ("fresh instances, no pool", [*ours[:-1], "--no-pool", guest], [peer, "--serve", guest], None),
        ("128 requests per instance", [*ours[:-1], "--requests-per-instance", "128", guest],
         [peer, "--serve", guest, "--reuse", "128"], 1.0),
    ]
    rows = []
    for name, own, other, goal in cases:
        with Server(own) as one, Server(other) as two:
            found = {one: [], two: []}
            for _ in range(rounds):
                for server in (one, two):
                    found[server].append(load(server.url, seconds))
            median = {server: {key: statistics.median(result[key] for result in results) for key in results[0]}
                      for server, results in found.items()}
            rows.append({"case": name, "ours": median[one], "peer": median[two], "goal": goal,
                         "ratio": median[one]["requests"] / median[two]["requests"],
                         "ours_mib": one.resident_mib(), "peer_mib": two.resident_mib()})
    return rows


def start_time(command, count, environment):
    """Returns the median duration of a whole process, in milliseconds."""
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=environment)
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def starts(tairitsu, peer, guests, directory, rounds):
    environment = {**os.environ, "TAIRITSU_HOME": str(directory)}
    artifact = directory / "hello.cwasm"
    hello = guests / "hello.wasm"
    subprocess.run([peer, "--precompile", hello, artifact], check=True)
    # The peer has no policy, no cache and no signals, so it is a lower bound. The goal refers to wasmtime.
    cases = [("run hello, a component", [tairitsu, "run", hello], [peer, "--run", artifact], None),
             ("run hello, a core module", [tairitsu, "run", guests / "hello.dir" / "core.wasm"],
              [peer, "--run", artifact], None),
             ("--version", [tairitsu, "--version"], ["true"], None)]
    wasmtime = shutil.which("wasmtime")
    if wasmtime:
        own_artifact = directory / "hello-of-wasmtime.cwasm"
        subprocess.run([wasmtime, "compile", hello, "-o", own_artifact], check=True)
        cases.insert(1, ("run hello, vs. wasmtime", [tairitsu, "run", hello],
                         [wasmtime, "run", "--allow-precompiled", own_artifact], 1.1))
    else:
        print("skipping the comparison with wasmtime: not found; cargo install wasmtime-cli --version 48.0.8 --locked",
              file=sys.stderr)
    limits = {}
    if has_stored(guests):
        script = guests / "javascript_command.wasm"
        large = directory / "javascript.cwasm"
        subprocess.run([peer, "--precompile", script, large], check=True)
        subprocess.run([tairitsu, "import", script, STORED], check=True, env=environment, stdout=subprocess.DEVNULL)
        name = f"run {STORED}, from the store"
        cases.insert(len(cases) - 1, (name, [tairitsu, "run", STORED, VERB], [peer, "--run", large, VERB], None))
        limits[name] = 10
    rows = []
    for name, own, other, goal in cases:
        start_time(own, 3, environment)
        start_time(other, 3, environment)
        pairs = [(start_time(own, 40, environment), start_time(other, 40, environment)) for _ in range(rounds)]
        one, two = (statistics.median(times) for times in zip(*pairs))
        rows.append({"case": name, "ours_ms": one, "peer_ms": two, "ratio": one / two, "goal": goal,
                     "limit_ms": limits.get(name)})
    return rows


def has_stored(guests):
    return (guests / "javascript_command.wasm").is_file()


def parts(program):
    """Returns the median of each part of a start, in milliseconds. `starts` must run before this, to fill the store."""
    done = subprocess.run([program, "--benchmark_filter=^start(/.*)?$", "--benchmark_min_time=0.05",
                           "--benchmark_repetitions=21", "--benchmark_format=json"], capture_output=True, text=True,
                          check=True).stdout
    runs = [run for run in json.loads(done)["benchmarks"] if run["run_type"] != "aggregate"]
    for run in runs:
        if run.get("error_occurred"):
            raise RuntimeError(f"{program}: {run['error_message']}")
    return {part: statistics.median(run[part] for run in runs) * 1000 for part, _ in PARTS}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="CMake build directory")
    parser.add_argument("--peer", type=Path, required=True, help="path of the Rust peer")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="duration of each load test")
    arguments = parser.parse_args()
    tairitsu = arguments.build / "bin" / "tairitsu"
    guests = arguments.build / "guests"
    results = {"serve": [], "start": [], "parts": {}}
    with tempfile.TemporaryDirectory() as directory:
        os.environ["TAIRITSU_HOME"] = directory
        results["start"] = starts(tairitsu, arguments.peer, guests, Path(directory), arguments.rounds)
        if has_stored(guests):
            results["parts"] = parts(arguments.build / "bin" / "tairitsu_bench")
        else:
            print("skipping the run from the store: javascript_command.wasm not found; build it with "
                  "cmake --build build --target javascript_command, which needs Node.js", file=sys.stderr)
        if shutil.which("wrk"):
            results["serve"] = serve(tairitsu, arguments.peer, guests / "http_hello.wasm", arguments.rounds,
                                     arguments.seconds)
        else:
            print("skipping the load tests: wrk not found; apt-get install wrk", file=sys.stderr)
    print(f"\n{'a whole process':28}{'ours ms':>10}{'peer ms':>10}{'ratio':>8}{'goal':>7}")
    for row in results["start"]:
        goal = f"{row['goal']:.2f}" if row["goal"] else f"{row['limit_ms']} ms" if row["limit_ms"] else ""
        print(f"{row['case']:28}{row['ours_ms']:10.2f}{row['peer_ms']:10.2f}{row['ratio']:8.2f}{goal:>7}")
    if results["parts"]:
        print(f"\n{f'parts of run {STORED}':50}{'us':>8}")
        for part, what in PARTS:
            print(f"{what:50}{results['parts'][part] * 1000:8.0f}")
    print(f"\n{'requests per second':28}{'ours':>10}{'p50 ms':>8}{'p99 ms':>8}{'MiB':>6}"
          f"{'peer':>10}{'p50 ms':>8}{'p99 ms':>8}{'MiB':>6}{'ratio':>8}{'at least':>10}")
    for row in results["serve"]:
        goal = f"{row['goal']:.1f}" if row["goal"] else ""
        sides = "".join(f"{row[side]['requests']:10.0f}{row[side]['p50']:8.2f}{row[side]['p99']:8.2f}"
                        f"{row[side + '_mib']:6.0f}" for side in ("ours", "peer"))
        print(f"{row['case']:28}{sides}{row['ratio']:8.2f}{goal:>10}")
    (arguments.build / "bench").mkdir(exist_ok=True)
    (arguments.build / "bench" / "whole.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

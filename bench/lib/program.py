# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What the programs share: options, installing, building, cleaning up, printing."""

import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
started = time.monotonic()


class Failure(Exception):
    """The bench could not be carried out; the text says why."""


def stage(text):
    print(f"[{time.monotonic() - started:4.0f} s] {text}", file=sys.stderr, flush=True)


def run(*command, **options):
    """Runs a command to its end and returns what it printed; a failure tells what it said."""
    result = subprocess.run(
        [str(word) for word in command], stdin=subprocess.DEVNULL, text=True,
        capture_output=True, start_new_session=True, check=False, **options)
    if result.returncode != 0:
        said = (result.stderr.strip() or result.stdout.strip()).splitlines()[-5:]
        raise Failure(f"'{' '.join(str(w) for w in command[:4])} ...' failed: " + "\n".join(said))
    return result.stdout


def wait_until(seconds, what, ask, every=0.1):
    """Asks until the answer is true, and returns it."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Failure(f"waited {seconds} s in vain: {what}")
        time.sleep(every)


def build(directory):
    """Compiles droverd with optimisation, apart from any other build."""
    directory = pathlib.Path(directory)
    if not (directory / "build.ninja").exists():
        run("meson", "setup", directory, REPOSITORY, "--buildtype=release")
    run("ninja", "-C", directory, "src/daemon/droverd", "src/cli/drover")


def _cpu_times():
    fields = [int(n) for n in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    idle = fields[3] + fields[4]
    return sum(fields[:8]), idle, fields[7]


def conditions(seconds=3):
    """What else the machine does: a figure from a busy machine says little."""
    total, idle, steal = _cpu_times()
    time.sleep(seconds)
    total2, idle2, steal2 = _cpu_times()
    span = max(total2 - total, 1)
    return {
        "processors": os.cpu_count(),
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
        "busy_before_percent": round(100 * (1 - (idle2 - idle) / span), 1),
        "stolen_before_percent": round(100 * (steal2 - steal) / span, 1),
    }


def _print_conditions(found):
    print(f"\nThis machine: {found['processors']} processors; before the first measurement"
          f" {found['busy_before_percent']} % of them were busy with other things"
          f" (and {found['stolen_before_percent']} % taken by its host);"
          f" load average {found['load_average']:.2f}.")


def table(rows):
    """Prints (what, figure, goal) in columns; a goal of None is none."""
    rows = [(what, figure, "" if goal is None else goal) for what, figure, goal in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    for what, figure, goal in rows:
        print(f"  {what:<{widths[0]}}  {figure:<{widths[1]}}  {goal}".rstrip())


def _stop(number, _frame):
    raise Failure(f"ended by {signal.Signals(number).name}")


def _options(description, add_options):
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--build", metavar="DIR", default=REPOSITORY / "build" / "bench",
                        help="where droverd is compiled (build/bench)")
    parser.add_argument("--state", metavar="DIR", default="/var/tmp",
                        help="where temporary state is kept, on a real disk (/var/tmp)")
    parser.add_argument("--no-install", action="store_true",
                        help="do not look for packages that are missing")
    add_options(parser)
    return parser.parse_args()


@contextlib.contextmanager
def _alone(name):
    """Two of the same program would measure each other."""
    with open(REPOSITORY / "bench" / name, "rb") as itself:
        try:
            fcntl.flock(itself, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(f"bench/{name} is running already") from None
        yield


def _carry_out(name, packages, measure, options):
    if os.geteuid() != 0:
        raise Failure("needs root: it installs packages and makes hosts out of namespaces")
    with _alone(name), contextlib.ExitStack() as cleanup:
        if not options.no_install:
            stage("installing what is missing")
            run(REPOSITORY / "tools" / "install-deps", *packages)
        stage("building droverd")
        build(options.build)
        found = conditions()
        result = measure(options, cleanup)
        result["conditions"] = found
        return result


def main(name, description, packages, add_options, measure, show):
    """measure(options, cleanup) returns a dictionary; show(result) prints it. Whatever was started
    is ended through `cleanup`, also after Ctrl-C or a failure. The exit code tells only whether it
    could be measured, never whether a figure is good."""
    options = _options(description, add_options)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        result = _carry_out(name, packages, measure, options)
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted; all that was started is ended", file=sys.stderr)
        sys.exit(130)
    except (Failure, OSError) as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        sys.exit(1)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)
        _print_conditions(result["conditions"])

# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Tests as functions, results as TAP.

    @test("a sentence that says what is true")
    def _():
        check(1 + 1 == 2, "arithmetic")

run() runs those of a ring's modules, run_lanes() in several processes; both stop at nothing, print
the plan and return the exit code. A test that raises has failed; its reason is
printed behind '#', as how long a test took when that was a second or more.
"""
import collections
import importlib
import multiprocessing
import os
import sys
import time
import traceback

Test = collections.namedtuple("Test", "sentence function module")
_tests = []


class Failed(Exception):
    """What check() raises: a sentence, no traceback needed."""


def test(sentence, module=None):
    """module: whose it is, where that is not the module that defines the function."""
    def register(function):
        _tests.append(Test(sentence, function, module or function.__module__))
        return function
    return register


def check(condition, reason):
    if not condition:
        raise Failed(reason)


def equal(seen, wanted, what):
    check(seen == wanted, f"{what}: wanted {wanted!r}, saw {seen!r}")


def contains(text, part, what):
    check(part in text, f"{what}: no {part!r} in {text!r}")


def wait_until(condition, what, timeout_s=60.0, interval_s=0.2):
    """Polls until condition() is true and returns what it gave; a limit is an error, not a skip."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < deadline, f"waited {timeout_s:.0f} s in vain until {what}")
        time.sleep(interval_s)


def note(text):
    _print("".join(f"# {line}\n" for line in str(text).rstrip().splitlines()))


def _print(text):
    """In one piece, so that lanes do not cut each other's lines."""
    sys.stdout.write(text)
    sys.stdout.flush()


def _tell(error):
    """What failed, and before it what had failed already when that was to be cleaned up."""
    if not isinstance(error, Failed):
        return "".join(traceback.format_exception(error))
    first = f"{_tell(error.__context__)}\nand then: " if error.__context__ is not None else ""
    return first + str(error)


def _run(one, witness):
    """Runs one test and prints its result; whether it passed."""
    tell = witness() if witness else lambda: None
    start = time.monotonic()
    try:
        one.function()
        reason = None
    except Exception as error:  # whatever it is, it is this test's result
        reason = _tell(error)
    took_s = time.monotonic() - start
    _print(f"{'ok' if reason is None else 'not ok'} - {one.sentence}"
           + (f" # {took_s:.0f} s" if took_s >= 1 else "") + "\n")
    if reason is not None:
        note(reason)
        tell()
    return reason is None


def load(modules):
    """Imports these modules; their tests, module after module. Tests of others that they import
    for a function are not theirs to run, and the order is not that of who imports whom."""
    for name in modules:
        importlib.import_module(name)
    place = {name: at for at, name in enumerate(modules)}
    return sorted((one for one in _tests if one.module in place), key=lambda one: place[one.module])


def run(modules, only=None, witness=None):
    """Runs the tests of these modules, in that order. only: just those whose sentence contains
    this text, or whose module this is. witness: called before each test, returns what is called
    when that test has failed, to tell more of it."""
    chosen = [one for one in load(modules)
              if only is None or only in one.sentence or only == one.module]
    results = [_run(one, witness) for one in chosen]
    _print(f"1..{len(results)}\n")
    return 0 if results and all(results) else 1


def run_lanes(modules, count, together, witness, enter, leave, left):
    """Runs the tests of these modules in so many processes beside each other. Each takes those of
    one module after the other from a queue that they share, so that none is idle while another has
    more to do. together: tuples of modules that stay in one lane, because they share what is dear
    to make. enter(number) is called first in each lane, leave() last; left(), after each group,
    tells what its tests have left behind for others to stumble over: that fails, with the name of
    the group."""
    tests = load(modules)
    groups = {}
    for one in tests:
        first = next((row[0] for row in together if one.module in row), one.module)
        groups.setdefault(first, []).append(one)
    names = list(groups)
    queue, feed = os.pipe()
    os.write(feed, bytes(range(len(names))))
    os.close(feed)

    def lane(number):
        passed = True
        try:
            enter(number)
            while taken := os.read(queue, 1):
                for one in groups[names[taken[0]]]:
                    passed = _run(one, witness) and passed
                found = left()
                if found:
                    _print(f"not ok - {names[taken[0]]} leaves nothing behind\n# {found}\n")
                    passed = False
        finally:
            leave()
        sys.exit(0 if passed else 1)

    fork = multiprocessing.get_context("fork")
    lanes = [fork.Process(target=lane, args=(number,)) for number in range(1, count + 1)]
    try:
        for one in lanes:
            one.start()
        for one in lanes:
            one.join()
    finally:
        for one in lanes:
            if one.is_alive():
                one.terminate()
                one.join()
    _print(f"1..{len(tests)}\n")
    return 0 if all(one.exitcode == 0 for one in lanes) else 1

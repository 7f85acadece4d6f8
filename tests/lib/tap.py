# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Tests as functions, results as TAP.

    @test("a sentence that says what is true")
    def _():
        check(1 + 1 == 2, "arithmetic")

run() runs them in the order of their definition, stops at nothing, prints the plan and returns the
exit code. A test that raises has failed; its reason is printed behind '#'.
"""
import sys
import time
import traceback

_tests = []


class Failed(Exception):
    """What check() raises: a sentence, no traceback needed."""


def test(sentence):
    def register(function):
        _tests.append((sentence, function))
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
    for line in str(text).rstrip().splitlines():
        print("#", line, flush=True)


def run(only=None, witness=None):
    """only: run just the tests whose sentence contains this text. witness: called before each test,
    returns what is called when that test has failed, to tell more of it."""
    failed = 0
    chosen = [row for row in _tests if only is None or only in row[0]]
    for number, (sentence, function) in enumerate(chosen, 1):
        tell = witness() if witness else lambda: None
        try:
            function()
            print(f"ok {number} - {sentence}", flush=True)
        except Exception as error:  # whatever it is, it is this test's result
            failed += 1
            print(f"not ok {number} - {sentence}", flush=True)
            note(error if isinstance(error, Failed) else traceback.format_exc())
            tell()
    print(f"1..{len(chosen)}", flush=True)
    sys.stdout.flush()
    return 1 if failed or not chosen else 0

# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What the tests of this ring share: one browser, and the fake fleets of the api ring. Each test
begins logged in at a page of its choice; after it the page must not have complained."""
import contextlib
import functools
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "api"))
from world import world  # noqa: E402
import tap  # noqa: E402
from pages import Stage, TABLE, choose_action, targets  # noqa: E402
from tap import check, equal  # noqa: E402

stage = Stage()


def test(sentence, cloud="fast"):
    """The function gets the browser and the cloud of that name."""
    def register(function):
        @functools.wraps(function)
        def body():
            fleet = getattr(world, cloud)
            try:
                with stage.watched(fleet) as browser:
                    function(browser, fleet)
            except Exception:
                world.clean()
                raise
        return tap.test(sentence)(body)
    return register


@contextlib.contextmanager
def with_script(browser, source):
    """Each page that is opened inside runs it before its own."""
    script = browser.call("Page.addScriptToEvaluateOnNewDocument", source=source)["identifier"]
    try:
        yield
    finally:
        browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)


__all__ = ["TABLE", "choose_action", "targets", "stage", "test", "check", "equal", "with_script",
           "world"]

# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What the tests of this ring share: one browser, and the fake fleets of the api ring. Each test
begins logged in at a page of its choice; after it the page must not have complained."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "api"))
from browser import Browser  # noqa: E402
from world import world  # noqa: E402
import tap  # noqa: E402
from tap import check, equal  # noqa: E402


class Stage:
    def __init__(self):
        self._browser = None
        self.pictures = None

    @property
    def browser(self):
        if self._browser is None:
            self._browser = Browser()
            self._browser.scheme("light")
        return self._browser

    def login(self, cloud, page="instances", user="admin", password=None, project="admin"):
        """A session of its own, at that page."""
        browser = self.browser
        browser.call("Network.clearBrowserCookies")
        browser.goto("about:blank")
        browser.urls.clear()
        browser.goto(f"{cloud.drover.url}/dashboard/#/{page}")
        browser.wait_text("Log in")
        browser.fill("input[name=username]", user)
        browser.fill("input[name=password]", password or cloud.drover.password)
        browser.fill("input[name=project]", project)
        browser.click("button[type=submit]")
        browser.wait_text("Log out")
        return browser

    def picture(self, name):
        if self.pictures:
            os.makedirs(self.pictures, exist_ok=True)
            self._browser.screenshot(os.path.join(self.pictures, f"{name}.png"))

    def check_page(self, cloud):
        """Nothing went wrong inside the page, and nothing was asked of anybody else."""
        browser = self.browser
        browser.js("0")
        problems, urls = browser.problems[:], browser.urls[:]
        browser.problems.clear()
        browser.urls.clear()
        equal(problems, [], "what the page complains about")
        foreign = [url for url in urls if not url.startswith((cloud.drover.url, "about:"))]
        equal(foreign, [], "requests that leave the machine")

    def close(self):
        if self._browser:
            self._browser.close()
        world.close()


stage = Stage()


def test(sentence, cloud="fast"):
    """The function gets the browser and the cloud of that name."""
    def register(function):
        def body():
            fleet = getattr(world, cloud)
            browser = stage.browser
            try:
                function(browser, fleet)
                stage.check_page(fleet)
            except Exception:
                tap.note(f"the page says: {browser.text()[:1500]}")
                world.clean()
                raise
            finally:
                browser.problems.clear()
                browser.urls.clear()
        return tap.test(sentence)(body)
    return register


__all__ = ["stage", "test", "check", "equal", "world"]

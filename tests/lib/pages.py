# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""The dashboard of a droverd, in a browser that the tests of a ring share, and what several of them
do there. "cloud" is whatever has a droverd in its attribute drover."""
import contextlib
import os

from browser import Browser
from tap import equal, note, wait_until

# The cells of the table of that name, row by row, without the signs of badges.
TABLE = """[...document.querySelectorAll('table[aria-label=%s] tbody tr')].map((row) =>
    [...row.cells].map((cell) => cell.innerText.trim().replace(/^[✓✕!–↻]\\n/, '')))"""


def choose_action(browser, name, item):
    """From the Actions menu of that row. The page may not know yet that something is over, whose
    menu is shut: then it is opened again."""
    def is_offered():
        browser.click("button", f"Actions for {name}")
        if browser.has("[role=menuitem]", item):
            return True
        browser.key("Escape")
        return False
    wait_until(is_offered, f"{item!r} is in the menu of {name}", 40)
    browser.click("[role=menuitem]", item)


def targets(browser):
    """Each host that a dialog offers: whether it can be chosen, and what is said of it."""
    browser.wait_text("Target host")
    return browser.js("""Object.fromEntries([...document.querySelectorAll(".target")].map((node) =>
        [node.querySelector("input").value, [!node.querySelector("input").disabled,
         node.innerText]]))""")


class Stage:
    def __init__(self):
        self._browser = None
        self.pictures = None  # the directory where they are kept, if any

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

    def pictures_of(self, name, *more):
        """For the documents: light and dark; more: (suffix, width, height) of other sizes."""
        if not self.pictures:
            return
        self.browser.js("document.querySelectorAll('.notices button').forEach((b) => b.click())")
        for scheme in ("dark", "light"):
            self.browser.scheme(scheme)
            self.picture(f"{name}-{scheme}")
        for suffix, width, height in more:
            self.browser.size(width, height)
            self.picture(f"{name}-{suffix}")
        self.browser.size(1280, 720)

    def forget(self):
        self.browser.problems.clear()
        self.browser.urls.clear()

    @contextlib.contextmanager
    def watched(self, cloud):
        """What is done inside must leave no complaint; what goes wrong is told with the page."""
        try:
            yield self.browser
            self.check_page(cloud)
        except Exception:
            note(f"the page says: {self.browser.text()[:1500]}")
            raise
        finally:
            self.forget()

    def check_page(self, cloud):
        """Nothing went wrong inside the page, and nothing was asked of anybody else."""
        browser = self.browser
        browser.js("0")
        problems, urls = browser.problems[:], browser.urls[:]
        self.forget()
        equal(problems, [], "what the page complains about")
        foreign = [url for url in urls if not url.startswith((cloud.drover.url, "about:"))]
        equal(foreign, [], "requests that leave the machine")

    def close(self):
        if self._browser:
            self._browser.close()

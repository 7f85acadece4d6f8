# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Usable by everybody, everywhere: names for screen readers, contrast, narrow screens."""
from stage import check, equal, stage, test

PAGES = ("overview", "instances", "hosts", "migrations", "instances/{server}", "hosts/hosta",
         "evacuate/hosta")

UNNAMED = """[...document.querySelectorAll("button, input, select, a, [role=meter], progress")]
  .filter((node) => !(node.ariaLabel || node.textContent.trim() || node.labels?.length))
  .map((node) => node.outerHTML)"""

# Each text against the first ground under it that is not transparent, as WCAG computes it.
FAINT = """(() => {
  const numbers = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) =>
    v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = numbers(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility() || node.closest(":disabled, .sr, noscript, option")) {
      continue;
    }
    const [a, b] = [light(numbers(getComputedStyle(node).color)), light(ground(node))]
      .sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${node.outerHTML.slice(0, 90)}`);
  }
  return faint;
})()"""


def visit(browser, cloud, server):
    for page in PAGES:
        address = page.format(server=server)
        browser.js(f"location.hash = '#/{address}'")
        browser.wait("document.querySelector('main h1') !== null", "it has a heading")
        browser.wait_text(browser.js("document.querySelector('main h1').textContent"))
        yield address


@test("every control has a name, each page one heading, and each text enough contrast, "
      "light and dark")
def _(browser, cloud):
    server = cloud.create("seen")
    cloud.live_migrate(server)
    cloud.wait_migration(server, "completed")
    stage.login(cloud)
    browser.wait_text("seen")
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        for page in visit(browser, cloud, server):
            equal(browser.js(UNNAMED), [], f"controls without a name at {page}")
            equal(browser.js("document.querySelectorAll('h1').length"), 1, f"headings at {page}")
            equal(browser.js(FAINT), [], f"faint text at {page}, {scheme}")
        stage.picture(f"instance-{scheme}")
    browser.scheme("light")
    cloud.delete(server)


@test("nothing sticks out at 1280x720 nor on a phone, and the actions can be reached there")
def _(browser, cloud):
    server = cloud.create("a-rather-long-name-of-an-instance-that-goes-on-and-on")
    stage.login(cloud)
    try:
        for width, height in ((1280, 720), (390, 800)):
            browser.size(width, height)
            for page in visit(browser, cloud, server):
                wide = browser.js("document.scrollingElement.scrollWidth")
                check(wide <= width, f"{page} is {wide} wide at {width}")
            browser.js("location.hash = '#/instances'")
            browser.click("td.actions button")
            browser.click("[role=menuitem]", "Live Migrate")
            browser.wait_text("Target host")
            box = browser.js("""(() => { const box = document.querySelector("dialog")
                .getBoundingClientRect(); return [box.left >= 0, box.right <= innerWidth,
                box.bottom <= innerHeight]; })()""")
            equal(box, [True, True, True], f"the dialog at {width}")
            check(browser.js("(() => { const body = document.querySelector('.dialog-body');"
                             "return body.scrollWidth <= body.clientWidth; })()"),
                  f"the dialog's insides stick out at {width}")
            stage.picture(f"dialog-{width}")
            browser.click("dialog button", "Cancel")
            stage.picture(f"instances-{width}")
    finally:
        browser.size(1280, 720)
    cloud.delete(server)

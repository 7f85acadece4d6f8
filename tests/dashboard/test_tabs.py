# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A tab that nobody looks at has no stream of events: what it has missed is there when it is looked
at again."""
import datetime

from stage import equal, stage, test, with_script

# Instead of the browser's own: streams are counted, and have what the test says and nothing else.
NO_STREAM = """window.streams = []; window.EventSource = class extends EventTarget {
  static CLOSED = 2;
  readyState = 2;
  constructor() { super(); window.streams.push(this); }
  close() {}
}"""
# The question after the session is answered when it is told to be.
SLOW_SESSION = """(() => {
  const real = window.fetch;
  const wait = new Promise((done) => { window.answer = done; });
  window.fetch = async (path, more) => {
    if (path === "/drover/v1/session") {
      window.isAsked = true;
      await wait;
    }
    return real(path, more);
  };
})()"""
# Two hundred others are newer than what has moved here: none of it is among the recent ones.
NONE_IS_RECENT = """(() => {
  const real = window.fetch;
  window.fetch = (path, more) => path.includes("/migrations?limit=200")
    ? Promise.resolve(new Response('{"migrations": []}')) : real(path, more);
})()"""


def hide(browser, is_hidden):
    browser.js(f"""Object.defineProperty(document, "hidden",
        {{value: {str(is_hidden).lower()}, configurable: true}});
        document.dispatchEvent(new Event("visibilitychange"))""")


def come_back(browser):
    """The tab is looked at, and hears that much may have changed: nothing of what that was."""
    browser.js(NO_STREAM)
    hide(browser, False)
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    browser.js("streams.at(-1).dispatchEvent(new MessageEvent('hello', "
               f"{{lastEventId: '{now}'}}))")


@test("a migration that has ended unseen is over, however many newer ones there are", "slow")
def _(browser, cloud):
    server = cloud.create("unseen")
    equal(cloud.live_migrate(server).status, 202, "migrate")
    stage.login(cloud, "overview")
    browser.wait("document.querySelector('.flow')?.innerText.includes('unseen')", "it moves")
    hide(browser, True)
    browser.js("new Promise((done) => setTimeout(done, 500))")  # for what it is reading
    migration = cloud.migrations(server)[0]["id"]
    cloud.send("DELETE", f"/servers/{server}/migrations/{migration}", version="2.96")
    cloud.wait_migration(server, "cancelled")
    browser.js(NONE_IS_RECENT)
    come_back(browser)
    browser.wait_text("Nothing moves.")
    cloud.wait_idle(server)
    cloud.delete(server)


@test("what has changed unseen is asked for by the clock of droverd: that of the browser may be "
      "an hour ahead")
def _(browser, cloud):
    server = cloud.create("timely")
    with with_script(browser, "{const real = Date.now; Date.now = () => real() + 3600000;}"):
        stage.login(cloud)
    status = "document.querySelector('tbody')?.innerText"
    browser.wait(f"{status}?.includes('ACTIVE')", "it is there")
    for action, wanted in (("os-stop", "SHUTOFF"), ("os-start", "ACTIVE")):
        hide(browser, True)
        cloud.do(server, {action: None})
        cloud.wait_status(server, wanted)
        come_back(browser)
        browser.wait(f"{status}.includes({wanted!r})", wanted)
    cloud.delete(server)


@test("a tab that is left while it asks after its session has no stream until it is looked at")
def _(browser, cloud):
    stage.login(cloud)
    browser.wait_text("No instances yet")
    browser.js(NO_STREAM)
    browser.js(SLOW_SESSION)
    hide(browser, True)
    hide(browser, False)
    equal(browser.js("streams.length"), 1, "streams that are asked for")
    browser.js("streams[0].dispatchEvent(new Event('error'))")
    browser.wait("window.isAsked", "the session is asked after")
    hide(browser, True)
    browser.js("answer(); new Promise((done) => setTimeout(done, 500))")
    equal(browser.js("streams.length"), 1, "streams that are asked for by a tab that is hidden")
    hide(browser, False)
    equal(browser.js("streams.length"), 2, "streams that are asked for when it is looked at")


@test("what could not be read at first is read when it can be")
def _(browser, cloud):
    # The first list of instances fails.
    with with_script(browser, """{
        const real = window.fetch;
        let n = 0;
        window.fetch = (path, more) => path.includes("/instances?limit") && n++ === 0
          ? Promise.resolve(new Response("{}", {status: 500})) : real(path, more);
    }"""):
        stage.login(cloud)
    browser.wait_text("No instances yet")

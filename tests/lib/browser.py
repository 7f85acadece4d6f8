# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A headless Chromium, driven by its DevTools protocol over a pipe: mouse and keys are real, and
what the page complains about (errors, refusals of its security policy) is kept."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-default-apps", "--disable-dev-shm-usage", "--hide-scrollbars",
         "--remote-debugging-pipe", "--window-size=1280,720"]
KEYS = {"Enter": (13, "\r"), "Escape": (27, ""), "Tab": (9, ""), "ArrowDown": (40, ""),
        "ArrowUp": (38, ""), "Home": (36, ""), "End": (35, "")}
# The element that the selector and the text name: one that is shown, the innermost of them.
FIND = """(selector, text) => {
  const tops = [...document.querySelectorAll("dialog[open]")];
  const root = tops.length > 0 ? tops.at(-1) : document;
  const all = [...root.querySelectorAll(selector)].filter((node) => node.checkVisibility()
    && (text === null || node.textContent.includes(text) || node.ariaLabel?.includes(text)));
  const exact = all.find((node) => node.textContent.trim() === text || node.ariaLabel === text);
  const isInner = (node) => !all.some((other) => other !== node && node.contains(other));
  return exact ?? all.find(isInner) ?? null;
}"""

# Where the middle of that element is, when it has stood still for two frames with nothing over it,
# or after five seconds as it is then; null: it is gone.
PLACE = """async (find) => {
  const frame = () => new Promise((go) => { requestAnimationFrame(go); setTimeout(go, 100); });
  const until = performance.now() + 5000;
  let [before, still] = [null, 0];
  for (;;) {
    const node = find();
    if (node === null) return null;
    node.scrollIntoView({block: "nearest", behavior: "instant"});
    const box = node.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const hit = document.elementFromPoint(x, y);
    const isFree = node === hit || node.contains(hit) || Boolean(hit?.contains(node));
    still = before?.node === node && before.x === x && before.y === y ? still + 1 : 0;
    if ((still >= 2 && isFree) || performance.now() > until) {
      window.hasHit = null; // no click: it is disabled, or the page is another one
      document.addEventListener("click", ({target}) => {
        const now = find();
        window.hasHit = Boolean(now && (now.contains(target) || target.contains(now)));
      }, {capture: true, once: true});
      return {x, y, isFree, hit: hit?.outerHTML.slice(0, 120)};
    }
    before = {node, x, y};
    await frame();
  }
}"""


TRIES = 5


class BrowserError(Exception):
    """The page is not as it was expected to be."""


class Browser:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="drover-chromium-")
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        command = ["chromium", f"--user-data-dir={self.directory}", *FLAGS, "about:blank"]
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "chromium", *command],
            pass_fds=(to_read, to_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self._next, self._buffer, self._answers = 0, b"", {}
        self.problems, self.urls = [], []
        self._session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target,
                                  flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.size(1280, 720)

    # ---- the protocol ----

    def call(self, method, timeout_s=30, **parameters):
        self._next += 1
        message = {"id": self._next, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout_s
        while self._next not in self._answers:
            self._read(deadline - time.monotonic(), method)
        answer = self._answers.pop(self._next)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _read(self, left_s, what):
        ready, _, _ = select.select([self._from], [], [], max(left_s, 0))
        if not ready:
            raise BrowserError(f"chromium does not answer {what}")
        data = os.read(self._from, 1 << 20)
        if not data:
            raise BrowserError(f"chromium has ended with {self.process.poll()}")
        *messages, self._buffer = (self._buffer + data).split(b"\0")
        for text in messages:
            message = json.loads(text)
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self._hear(message["method"], message.get("params", {}))

    def _hear(self, method, about):
        if method == "Runtime.exceptionThrown":
            details = about["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded" and about["entry"]["level"] == "error":
            entry = about["entry"]
            # An answer that is an error is not yet a fault of the page.
            if entry["source"] != "network":
                self.problems.append(entry["text"])
        elif method == "Network.requestWillBeSent":
            self.urls.append(about["request"]["url"])

    # ---- looking ----

    def js(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True,
                           returnByValue=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description", details["text"]))
        return result["result"].get("value")

    def wait(self, expression, what, timeout_s=40):
        """Until the expression is true in the page; its value."""
        deadline = time.monotonic() + timeout_s
        while True:
            value = self.js(expression)
            if value:
                return value
            if time.monotonic() > deadline:
                raise BrowserError(f"{what}; the page says: {self.text()[:600]!r}; "
                                   f"problems: {self.problems}")
            time.sleep(0.02)

    def text(self):
        return self.js("document.body?.innerText ?? ''")

    def wait_text(self, text, timeout_s=40):
        self.wait(f"document.body?.innerText.includes({json.dumps(text)})", f"no {text!r}",
                  timeout_s)

    def wait_no_text(self, text, timeout_s=40):
        self.wait(f"!document.body?.innerText.includes({json.dumps(text)})", f"still {text!r}",
                  timeout_s)

    def has(self, selector, text=None):
        return self.js(f"({FIND})({json.dumps(selector)}, {json.dumps(text)}) !== null")

    # ---- acting ----

    def goto(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'", f"{url} does not load")

    def click(self, selector, text=None):
        """With the mouse, in its middle, once it stands still; what lies over it is a failure. Who
        misses, as something has moved in that moment, tries again, as a person does."""
        for _ in range(TRIES):
            self._click_once(selector, text)
            if self.js("window.hasHit") is not False:
                return
        raise BrowserError(f"{selector} {text!r} was not hit in {TRIES} clicks")

    def _click_once(self, selector, text):
        find = f"({FIND})({json.dumps(selector)}, {json.dumps(text)})"
        at = self.wait(f"({PLACE})(() => {find})", f"there is no {selector} {text!r}")
        if not at["isFree"]:
            raise BrowserError(f"{selector} {text!r} lies under {at['hit']}")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=at["x"], y=at["y"], button="left",
                      clickCount=1)

    def fill(self, selector, text):
        self.click(selector)
        self.js("document.activeElement.select?.()")
        self.call("Input.insertText", text=text)

    def choose(self, selector, value):
        """Of a select."""
        self.wait(f"({FIND})({json.dumps(selector)}, null) !== null", f"there is no {selector}")
        self.js(f"""(() => {{
            const node = ({FIND})({json.dumps(selector)}, null);
            node.value = {json.dumps(value)};
            node.dispatchEvent(new Event("change", {{bubbles: true}}));
        }})()""")

    def key(self, name, modifiers=0):
        code, text = KEYS[name]
        about = {"key": name, "code": name, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **about)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def focused(self):
        return self.js("document.activeElement?.ariaLabel ?? document.activeElement?.textContent")

    # ---- how it is looked at ----

    def size(self, width, height, scale=1):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=scale, mobile=width < 600)

    def scheme(self, name):
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": name},
                            {"name": "prefers-reduced-motion", "value": "reduce"}])

    def offline(self, is_offline):
        self.call("Network.emulateNetworkConditions", offline=is_offline, latency=0,
                  downloadThroughput=-1, uploadThroughput=-1)

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self.directory, ignore_errors=True)

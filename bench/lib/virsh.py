# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A virsh that stays connected: commands go in by a pipe, so that neither the start of a process
nor a TLS handshake is part of what is measured."""

import subprocess
import time

from program import Failure, run


class Virsh:
    def __init__(self, uri):
        self.uri = uri
        self.count = 0
        self.process = subprocess.Popen(
            ["virsh", "-c", uri], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
        self("hostname")

    def __call__(self, *commands):
        """Runs the commands one after another; returns all that they printed."""
        self.count += 1
        # The line comes back twice: as virsh repeats its input, and alone when it is done.
        mark = f"bench-{self.count}-is-done"
        text = "".join(command + "\n" for command in (*commands, f"echo {mark}"))
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()
        said = []
        for line in self.process.stdout:
            line = line.decode(errors="replace").rstrip("\n")
            if line == mark:
                break
            if line.startswith("error:"):
                raise Failure(f"virsh on {self.uri}: {commands}: {line}")
            if not line.startswith("virsh # "):
                said.append(line)
        else:
            raise Failure(f"virsh on {self.uri} has ended: {said[-3:]}")
        return "\n".join(said).strip()

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def seconds_of_one_process(uri, tries=10):
    """What `virsh -c URI COMMAND` costs beside its command: process, TLS, asking for nothing."""
    spans = []
    for _ in range(tries):
        start = time.monotonic()
        run("virsh", "-q", "-c", uri, "uri")
        spans.append(time.monotonic() - start)
    return sorted(spans)[len(spans) // 2]

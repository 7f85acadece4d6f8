# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A droverd of the bench's own: a free port, a temporary state directory, and its /proc figures."""

import ctypes
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

from api import Api
from program import Failure, stage, wait_until

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def _die_with_parent():
    # Whoever kills the bench so that it cannot clean up shall not leave a daemon behind.
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Droverd:
    """config: {section: {key: value}}, over what a bench needs anyway; {directory} in a value is
    the directory of this droverd."""

    def __init__(self, options, config):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="drover-bench-", dir=options.state))
        self.program = pathlib.Path(options.build) / "src/daemon/droverd"
        self.log = self.directory / "droverd.log"
        self.process = None
        self.api = None
        self._write_config(config)

    def _write_config(self, config):
        sections = {"DEFAULT": {"state_path": self.directory / "state"},
                    "api": {"listen": "127.0.0.1:0"}}
        for section, keys in config.items():
            sections.setdefault(section, {}).update(keys)
        lines = []
        for section, keys in sections.items():
            lines.append(f"[{section}]")
            lines += [f"{key} = {value}".format(directory=self.directory)
                      for key, value in keys.items()]
        (self.directory / "drover.conf").write_text("\n".join(lines) + "\n")

    def start(self):
        output = self.directory / "first-start"
        with open(output, "ab") as out, open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [self.program, "--config", self.directory / "drover.conf",
                 "--config-dir", self.directory / "none"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=log, start_new_session=True,
                preexec_fn=_die_with_parent)
        password = wait_until(60, "droverd prints the first password",
                              lambda: self._find(output, r"password:? (\S+)\s"))
        port = int(wait_until(10, "droverd says its port",
                              lambda: self._find(self.log, r"listens on .*port (\d+)")))
        wait_until(30, "droverd is up", lambda: self._find(self.log, r"(droverd \S+ is up)"))
        self.api = Api(port, password)
        return self

    def _find(self, path, pattern):
        if self.process.poll() is not None:
            last = self.log.read_text(errors="replace").splitlines()[-3:]
            raise Failure("droverd has ended: " + "\n".join(last))
        found = re.search(pattern, path.read_text(errors="replace"))
        return found.group(1) if found else None

    def end_process(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            stage("droverd does not end when asked and is killed")
            self.process.kill()
            self.process.wait()

    def restart(self):
        self.end_process()
        return self.start()

    def stop(self):
        self.end_process()
        shutil.rmtree(self.directory, ignore_errors=True)

    def complaints(self):
        """Warnings and errors of its log: how many, and the first few."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines()
                 if re.search(r"level=(warning|error)", line)]
        return {"count": len(lines), "first": lines[:3]}

    # What it takes from the machine.

    def memory(self):
        """MiB, as the kernel accounts for it."""
        rows = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()[1:]
        kib = {row.split(":")[0]: int(row.split()[1]) for row in rows}
        return {name: round(kib[key] / 1024, 1) for name, key in
                (("pss_mib", "Pss"), ("rss_mib", "Rss"), ("anonymous_mib", "Anonymous"))}

    def cpu_seconds(self):
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = stat.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def threads(self):
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()))

    def cpu_percent(self, seconds):
        """Of one processor, over that long."""
        before, start = self.cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        return round(100 * (self.cpu_seconds() - before) / (time.monotonic() - start), 2)


def start_droverd(options, cleanup, config):
    daemon = Droverd(options, config)
    cleanup.callback(daemon.stop)
    return daemon.start()

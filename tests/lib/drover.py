# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What tests drive: a lab of real hosts, a droverd of their own, the stock client, plain HTTP."""
import fcntl
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("DROVER_BUILD", os.path.join(TOP, "build"))
DROVERD = os.path.join(BUILD, "src/daemon/droverd")
DROVER = os.path.join(BUILD, "src/cli/drover")
CRASH_CODE = 57  # of a failpoint that fired


class Lab:
    """Real libvirt hosts by lab/lab, under a name of their own. DROVER_TEST_LAB_SUFFIX is added to
    the name, so that two checkouts can be tested beside each other."""

    def __init__(self, name, hosts, shared=False):
        self.name = name = name + os.environ.get("DROVER_TEST_LAB_SUFFIX", "")
        # One run of a ring at a time: a second one would take the first one's hosts down.
        os.makedirs("/run/lock", exist_ok=True)
        self._lock = open(f"/run/lock/drover-test-{name}", "w", encoding="utf-8")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"another run of these tests uses the lab '{name}'") from None
        self("down")
        self("up", str(hosts), *(["--shared"] if shared else []), timeout=600)
        self.env = {}
        for line in self("env").splitlines():
            key, _, value = line.partition("=")
            self.env[key] = " ".join(shlex.split(value))

    def command(self, arguments):
        return [os.path.join(TOP, "lab/lab"), "--name", self.name, *arguments]

    def __call__(self, *arguments, timeout=120, check=True):
        command = self.command(arguments)
        # A file takes the output: what the lab starts may keep a pipe open for ever.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.STDOUT, timeout=timeout)
            output.seek(0)
            text = output.read()
        if check and done.returncode != 0:
            raise RuntimeError(f"lab {' '.join(arguments)}: {text}")
        return text

    def host(self, name, key):
        return self.env[f"LAB_{name.upper()}_{key}"]

    @property
    def hosts(self):
        return self.env["LAB_HOSTS"].split()

    def virsh(self, host, *arguments):
        return self("exec", host, "virsh", "-q", *arguments)

    def heartbeat(self):
        return json.loads(self("heartbeat", "report"))

    def down(self):
        self("down", check=False)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Answer:
    """Of one HTTP request: status, headers, text, and the body as JSON when it is."""

    def __init__(self, status, headers, data):
        self.status, self.headers = status, headers
        self.text = data.decode("utf-8", "replace")
        try:
            self.json = json.loads(self.text) if self.text else None
        except ValueError:
            self.json = None

    @property
    def message(self):
        """The sentence of an error body."""
        if isinstance(self.json, dict):
            for fault in self.json.values():
                if isinstance(fault, dict) and "message" in fault:
                    return fault["message"]
        return self.text


def is_mixed_up(output, number):
    """Debian 13's openstack (7.4) swaps the two that `server migration show` is given, whatever the
    cloud: what it says then tells nothing of drover."""
    return f"/servers/{number}/migrations/" in output


class Droverd:
    """One droverd with a state directory of its own. config: {section: {key: value}}."""

    def __init__(self, config=None, environment=None, directory=None, wait=True):
        self.directory = directory or tempfile.mkdtemp(prefix="drover-test-")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.password = None
        self.process = None
        self._tokens = {}
        self.write_config(config or {})
        self.start(environment, wait)

    def write_config(self, config):
        sections = {"DEFAULT": {"state_path": self.directory},
                    "api": {"listen": f"127.0.0.1:{self.port}"}}
        for section, keys in config.items():
            sections.setdefault(section, {}).update(keys)
        with open(os.path.join(self.directory, "drover.conf"), "w", encoding="utf-8") as file:
            for section, keys in sections.items():
                file.write(f"[{section}]\n")
                file.writelines(f"{key} = {value}\n" for key, value in keys.items())

    def start(self, environment=None, wait=True):
        log = open(os.path.join(self.directory, "droverd.log"), "ab")
        out = open(os.path.join(self.directory, "stdout"), "ab")
        with log, out:
            self.process = subprocess.Popen(
                [DROVERD, "--config", os.path.join(self.directory, "drover.conf"),
                 "--config-dir", os.path.join(self.directory, "conf.d")],
                stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                env=dict(os.environ, **(environment or {})))
        if wait:
            self.wait_ready()

    def wait_ready(self, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"droverd ended with {self.process.returncode}: "
                                   f"{self.log()[-500:]}")
            try:
                with urllib.request.urlopen(self.url + "/identity/v3", timeout=2):
                    break
            except OSError:
                time.sleep(0.02)
        else:
            raise RuntimeError(f"droverd does not answer: {self.log()[-500:]}")
        # It is printed once the port is open.
        while self.password is None and time.monotonic() < deadline and not self.is_up():
            time.sleep(0.02)
        if self.password is None:
            with open(os.path.join(self.directory, "stdout"), encoding="utf-8") as file:
                for line in file:
                    if "password:" in line:
                        self.password = line.split("password:")[1].split()[0]

    def is_up(self):
        return " is up" in self.log()

    def log(self):
        with open(os.path.join(self.directory, "droverd.log"), encoding="utf-8",
                  errors="replace") as file:
            return file.read()

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def has_ended(self):
        """Of one that may be about to: whether it does. One that lives costs some seconds."""
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
                raise RuntimeError("droverd did not stop within 20 s of SIGTERM") from None

    def remove(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    # ---- plain HTTP ----

    def send(self, method, path, body=None, token=None, version=None, headers=None, raw=None):
        """One request to path ("/compute/v2.1/servers"). version: of the Compute API."""
        request = urllib.request.Request(self.url + path, method=method)
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
        if data is not None:
            request.data = data
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("X-Auth-Token", token)
        if version:
            request.add_header("OpenStack-API-Version", f"compute {version}")
        for key, value in (headers or {}).items():
            request.add_header(key, value)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return Answer(reply.status, reply.headers, reply.read())
        except urllib.error.HTTPError as reply:
            with reply:
                return Answer(reply.code, reply.headers, reply.read())

    def login(self, user="admin", password=None, project="admin"):
        answer = self.send("POST", "/identity/v3/auth/tokens", {"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": user, "password": password or self.password,
                "domain": {"id": "default"}}}},
            "scope": {"project": {"name": project, "domain": {"id": "default"}}}}})
        if answer.status != 201:
            raise RuntimeError(f"cannot log in: {answer.status} {answer.text}")
        return answer.headers["X-Subject-Token"]

    def admin(self, method, path, body=None, version="2.96", **options):
        """As the administrator, with the token kept."""
        if "admin" not in self._tokens:
            self._tokens["admin"] = self.login()
        return self.send(method, path, body, token=self._tokens["admin"], version=version,
                         **options)

    def compute(self, method, path, body=None, version="2.96"):
        return self.admin(method, "/compute/v2.1" + path, body, version)

    # ---- clients ----

    def client_env(self, user="admin", password=None, project="admin", version="2.92"):
        clean = {key: value for key, value in os.environ.items() if not key.startswith("OS_")}
        return dict(clean, OS_AUTH_URL=self.url + "/identity/v3", OS_USERNAME=user,
                    OS_PASSWORD=password or self.password, OS_PROJECT_NAME=project,
                    OS_USER_DOMAIN_NAME="Default", OS_PROJECT_DOMAIN_NAME="Default",
                    OS_IDENTITY_API_VERSION="3", OS_COMPUTE_API_VERSION=version)

    def openstack(self, *arguments, check=True, timeout=300, **who):
        """The stock client. A str of its output; with check=False (code, output)."""
        return self._run(["/usr/bin/openstack", *arguments], check, timeout, who,
                         errors=subprocess.PIPE)

    def nova(self, *arguments, check=True, timeout=300, **who):
        """The older client, which says with each command that it is deprecated."""
        return self._run(["/usr/bin/nova", *arguments], check, timeout, who,
                         errors=subprocess.PIPE)

    def drover(self, *arguments, check=True, timeout=300, **who):
        return self._run([DROVER, *arguments], check, timeout, who)

    def _run(self, command, check, timeout, who, errors=subprocess.STDOUT):
        """errors=PIPE: what it says there when all went well is not its output. Debian 13's
        openstack warns of microversions with each command."""
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=errors, text=True, timeout=timeout,
                              env=self.client_env(**who))
        output = done.stdout if done.returncode == 0 else done.stdout + (done.stderr or "")
        if not check:
            return done.returncode, output
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}: {output}")
        return output

    # ---- making things ----

    def add_lab_hosts(self, lab, pool=None, timeout_s=60):
        """Each host of the lab, and waits until all are up."""
        for name in lab.hosts:
            answer = self.admin("POST", "/drover/v1/hosts", {"host": {
                "name": name, "uri": lab.host(name, "URI").split("?")[0],
                "peer_uri": lab.host(name, "PEER_URI"),
                "migration_address": lab.host(name, "MIGRATION_ADDRESS"),
                "pool": pool or lab.env["LAB_POOL"]}})
            if answer.status not in (200, 201, 202):
                raise RuntimeError(f"host add: {answer.status} {answer.text}")
        self.wait_hosts_up(len(lab.hosts), timeout_s)

    def wait_hosts_up(self, count, timeout_s=120):
        deadline = time.monotonic() + timeout_s
        while True:
            services = self.compute("GET", "/os-services?binary=nova-compute").json["services"]
            if sum(service["state"] == "up" for service in services) >= count:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"hosts did not come up: {services}")
            time.sleep(0.2)

    def server(self, server_id, version="2.96"):
        return self.compute("GET", f"/servers/{server_id}", version=version).json["server"]

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""http/ as other programs see it: Python's HTTP client, TLS, IPv6, big uploads, many at once.

Usage: test_http.py SERVER, the program made from server.c. Prints TAP.
"""
import contextlib
import hashlib
import http.client
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

BLOCK = os.urandom(1 << 20)
N_BLOCKS = 150  # MiB: far more than the server may ever hold


@contextlib.contextmanager
def serve(address="127.0.0.1", *tls):
    """Yields (port, pid); the server must end well when its input ends."""
    process = subprocess.Popen([sys.argv[1], address, *tls], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline()), process.pid
        process.stdin.close()
        assert process.wait(10) == 0, f"server ended with {process.returncode}"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def peak_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def fetch(connection, method, path, body=None, headers=None, **options):
    connection.request(method, path, body, headers or {}, **options)
    response = connection.getresponse()
    return response.status, response.read()


def blocks():
    for _ in range(N_BLOCKS):
        yield BLOCK


def expected_upload():
    digest = hashlib.sha256()
    for block in blocks():
        digest.update(block)
    return f"{N_BLOCKS << 20} {digest.hexdigest()}".encode()


def a_big_upload_is_not_held_in_memory():
    with serve() as (port, pid):
        for headers in ({"Transfer-Encoding": "chunked"}, {"Content-Length": N_BLOCKS << 20}):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60,
                                                    blocksize=1 << 20)
            status, body = fetch(connection, "PUT", "/images/1/file", blocks(),
                                 {"X-Auth-Token": "t", **headers},
                                 encode_chunked="Transfer-Encoding" in headers)
            assert (status, body) == (200, expected_upload()), (status, body)
        assert peak_kib(pid) < 32 * 1024, f"{peak_kib(pid)} KiB"


def an_upload_that_is_refused_learns_why():
    with serve() as (port, _):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        got = fetch(connection, "PUT", "/images/1/file", BLOCK)
        assert got == (401, b"no token"), got
        # It was read to its end, so the connection goes on.
        assert fetch(connection, "POST", "/echo", b"x") == (200, b"x")


def many_clients_are_served_at_once():
    problems = []

    def run(port):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            for i in range(20):
                body = b"%d" % i
                assert fetch(connection, "POST", "/echo", body) == (200, body)
            assert fetch(connection, "GET", "/later") == (200, b"later")
            events = b"".join(b"data: %d\n\n" % i for i in range(100))
            assert fetch(connection, "GET", "/events") == (200, events)
            assert fetch(connection, "GET", "/peer") == (200, b"http 127.0.0.1")
        except Exception as problem:  # told by the thread that waits
            problems.append(repr(problem))

    with serve() as (port, _):
        threads = [threading.Thread(target=run, args=(port,)) for _ in range(60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not problems, problems


def every_address_means_both_families():
    with serve("") as (port, _):
        for address in ("127.0.0.1", "::1"):
            connection = http.client.HTTPConnection(address, port, timeout=5)
            assert fetch(connection, "GET", "/peer") == (200, f"http {address}".encode())


@contextlib.contextmanager
def certificate():
    with tempfile.TemporaryDirectory() as folder:
        paths = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
        yield paths


def tls_is_served_and_old_versions_are_not():
    with certificate() as (cert, key), serve("127.0.0.1", cert, key) as (port, _):
        context = ssl.create_default_context(cafile=cert)
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
        assert fetch(connection, "GET", "/peer") == (200, b"https 127.0.0.1")
        assert connection.sock.version() == "TLSv1.3", connection.sock.version()
        assert fetch(connection, "GET", "/later") == (200, b"later")
        status, body = fetch(connection, "PUT", "/images/1/file", BLOCK * 8, {"X-Auth-Token": "t"})
        assert status == 200 and body.startswith(b"8388608 "), body
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", port), 5) as plain:
            try:
                context.wrap_socket(plain, server_hostname="127.0.0.1")
                raise AssertionError("TLS 1.1 was accepted")
            except (ssl.SSLError, ConnectionError):
                pass
        with socket.create_connection(("127.0.0.1", port), 5) as plain:
            plain.sendall(b"GET /peer HTTP/1.1\r\nHost: x\r\n\r\n")
            assert not plain.recv(1000).startswith(b"HTTP/1.1 200")


def silent_clients_are_dropped_and_do_not_disturb():
    with serve() as (port, _):
        silent = [socket.create_connection(("127.0.0.1", port), 8) for _ in range(100)]
        for sock in silent[:50]:
            sock.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        start = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        assert fetch(connection, "POST", "/echo", b"x") == (200, b"x")
        assert time.monotonic() - start < 1
        for sock in silent:
            try:
                assert not sock.recv(1000).startswith(b"HTTP/1.1 200")
            except ConnectionError:
                pass
            sock.close()


TESTS = [a_big_upload_is_not_held_in_memory, an_upload_that_is_refused_learns_why,
         many_clients_are_served_at_once, every_address_means_both_families,
         tls_is_served_and_old_versions_are_not, silent_clients_are_dropped_and_do_not_disturb]


def main():
    print(f"1..{len(TESTS)}")
    n_failed = 0
    for number, test in enumerate(TESTS, 1):
        sentence = test.__name__.replace("_", " ")
        try:
            test()
            print(f"ok {number} - {sentence}", flush=True)
        except Exception as problem:
            n_failed += 1
            print(f"# {problem!r}\nnot ok {number} - {sentence}", flush=True)
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())

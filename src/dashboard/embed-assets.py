#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Turns the files of assets/ into the C table that src/dashboard/assets.h declares. @VERSION@ in
the page becomes the hash of all of them; @MODULES@ names them all, so that a browser asks for them
at once and not for each when it has read the one that wants it."""
import gzip
import hashlib
import os
import sys

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


def array(name, data):
    rows = [data[i:i + 24] for i in range(0, len(data), 24)]
    text = ",\n".join(",".join(str(byte) for byte in row) for row in rows)
    return f"static const unsigned char {name}[] = {{\n{text}\n}};\n"


def main(output, *paths):
    paths = sorted(paths, key=lambda path: (not path.endswith("index.html"), path))
    files = []
    for path in paths:
        with open(path, "rb") as source:
            files.append((os.path.basename(path), source.read()))
    version = hashlib.sha256(b"\0".join(part for name, data in files
                                        for part in (name.encode(), data))).hexdigest()[:16]
    links = "\n".join(f'<link rel="modulepreload" href="/dashboard/assets/@VERSION@/{name}">'
                      for name, _ in files if name.endswith(".js"))
    text = ['#include "dashboard/assets.h"\n\n']
    rows = []
    for number, (name, data) in enumerate(files):
        data = data.replace(b"@MODULES@", links.encode()).replace(b"@VERSION@", version.encode())
        packed = gzip.compress(data, 9, mtime=0)
        text += [array(f"plain{number}", data), array(f"gzip{number}", packed)]
        rows.append(f'{{"{name}", "{TYPES[os.path.splitext(name)[1]]}", plain{number}, '
                    f"{len(data)}, gzip{number}, {len(packed)}}},\n")
    text += ["const DashboardAsset dashboard_assets[] = {\n", *rows, "};\n"]
    text += [f"const size_t dashboard_n_assets = {len(rows)};\n",
             f'const char dashboard_version[] = "{version}";\n']
    with open(output, "w", encoding="utf-8") as target:
        target.writelines(text)


main(*sys.argv[1:])

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Turns data/sql/NNNN-name.sql into the C table that src/store/schema.h declares."""
import os
import sys


def quote(line):
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"'


def main(output, *paths):
    rows = []
    for path in sorted(paths, key=os.path.basename):
        name = os.path.basename(path)
        with open(path, encoding="utf-8") as source:
            text = "\n".join(quote(line) for line in source.read().splitlines())
        rows.append(f'{{{int(name[:4])}, "{name}",\n{text}}},\n')
    with open(output, "w", encoding="utf-8") as target:
        target.write('#include "store/schema.h"\n\nconst SchemaFile schema_files[] = {\n')
        target.writelines(rows)
        target.write("};\nconst int n_schema_files = G_N_ELEMENTS(schema_files);\n")


main(*sys.argv[1:])

# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""The route table of the Compute API and the policy table, read from their sources, so that a route
that is added is walked by the tests without another word."""
import collections
import os
import re

from drover import TOP

NOBODY = "00000000-0000-4000-8000-000000000000"  # an id that nothing has

Route = collections.namedtuple("Route", "method path policy body since until")


def _read(*parts):
    with open(os.path.join(TOP, *parts), encoding="utf-8") as file:
        return file.read()


def _number(text):
    return int(text) if text and text.isdigit() else 0


def read_routes():
    """Of the table below /compute/v2.1."""
    table = _read("src", "api", "compute", "routes.c").split("ApiRoute routes[]")[1]
    routes = []
    for row in re.findall(r'^    \{("[A-Z]+", .*)\},$', table.split("};")[0], re.M):
        fields = [field.strip() for field in row.split(", ")] + [None] * 4
        policy = fields[3].strip('"') if fields[3] and fields[3] != "NULL" else None
        routes.append(Route(fields[0].strip('"'), fields[1].strip('"'), policy,
                            fields[4] == "ROUTE_BODY", _number(fields[5]), _number(fields[6])))
    return routes


def read_policy():
    """Rule -> the least role that it needs, in lower case."""
    table = _read("src", "auth", "policy.c")
    return {name: role.lower() for name, role in re.findall(r'\{"([^"]+)", ([A-Z]+)\}', table)}


def example(route):
    """Its path with something in the place of each parameter."""
    return re.sub(r"\{id\}", NOBODY, re.sub(r"\{(migration|key|request)\}", "1", route.path))


def version_of(route):
    """A version at which it exists."""
    return f"2.{route.until or max(route.since, 96)}"

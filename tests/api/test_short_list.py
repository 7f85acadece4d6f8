# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Instances in short, as the dashboard reads them by the thousand."""
import time

from tap import check, contains, equal, test
from world import world

LIST = "/drover/v1/instances"


def rows(query="", user="admin"):
    answer = world.fast.other("GET", f"{LIST}{query}", user=user)
    equal(answer.status, 200, answer.text)
    return answer.json["instances"]


@test("instances in short: by name, page by page, and what has changed or gone since a time")
def _():
    cloud = world.fast
    servers = [cloud.create(name, host="hosta") for name in ("short-b", "short-c", "short-a")]
    found = [row for row in rows() if row["name"].startswith("short-")]
    equal([row["name"] for row in found], ["short-a", "short-b", "short-c"], "their order")
    whole = cloud.server(servers[0])
    (address,) = [row["addr"] for rows in whole["addresses"].values() for row in rows]
    equal(found[1], {"id": servers[0], "name": "short-b", "status": "ACTIVE", "task_state": None,
                     "host": "hosta", "project_id": whole["tenant_id"], "flavor": "m1.tiny",
                     "addresses": [address], "locked": False, "fault": None}, "one of them")
    equal(rows(f"?id={servers[0]}"), [found[1]], "by its id")

    seen, query = [], "?limit=1"
    while query:
        page = cloud.other("GET", f"{LIST}{query}").json
        seen += page["instances"]
        links = page.get("instances_links")
        query = links and links[0]["href"].partition(LIST)[2]
    equal(seen, rows(), "page by page")

    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
    cloud.delete(servers[2])
    changed = {row["id"]: row["status"] for row in rows(f"?changes-since={since}")}
    equal(changed.get(servers[2]), "DELETED", f"what is gone, in {changed}")
    equal(rows(f"?id={servers[2]}"), [], "it is not there any more")
    cloud.delete(*servers[:2])


@test("instances in short: a project sees its own, without their hosts")
def _():
    cloud = world.fast
    mine, other = cloud.create("short-mine", user="member"), cloud.create("short-other")
    seen = {row["id"]: row for row in rows(user="reader")}
    check(mine in seen and other not in seen, f"what a reader sees: {seen}")
    equal(seen[mine]["host"], None, "the host")
    equal(rows(f"?id={other}", user="reader"), [], "another project's, by its id")
    check({mine, other} <= {row["id"] for row in rows()}, "what an administrator sees")
    equal(cloud.other("GET", LIST, user=None).status, 401, "without a token")
    for query, text in (("?id=short", "id"), ("?limit=x", "limit"), ("?colour=red", "colour"),
                        ("?changes-since=soon", "changes-since")):
        answer = cloud.other("GET", LIST + query)
        equal(answer.status, 400, f"{query}: {answer.text}")
        contains(answer.message, text, query)
    cloud.delete(mine, other)

# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Small statistics."""

import datetime
import math
import statistics


def percentile(values, percent):
    """The smallest value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def summary(values):
    return {"n": len(values), "median": round(statistics.median(values), 2),
            "mean": round(statistics.fmean(values), 2), "min": round(min(values), 2),
            "p90": round(percentile(values, 90), 2), "max": round(max(values), 2)}


def seconds_of(text):
    """A time of the API, with or without a zone, as seconds since 1970."""
    moment = datetime.datetime.fromisoformat(text.removesuffix("Z"))
    return moment.replace(tzinfo=datetime.timezone.utc).timestamp()


def most_at_once(intervals):
    """Of (begin, end) pairs, where one may begin in the moment in which another ends."""
    moments = sorted([(begin, 1) for begin, _ in intervals] + [(end, -1) for _, end in intervals])
    now = most = 0
    for _, step in moments:
        now += step
        most = max(most, now)
    return most

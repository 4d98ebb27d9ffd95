#!/usr/bin/env python3
"""Prints the calls of a day that somebody should listen to, worst first, as CSV: qa_list.py 2026-11-23 1001 1002"""

import csv
import os
import sys
import urllib.parse
import urllib.request


def calls(agent, date):
    """The calls of an agent's day, each as a dictionary; none where there are none."""
    fields = {"function": "call_score", "stage": "csv", "header": "YES", "agent_user": agent, "date": date}
    request = urllib.request.Request(f"{os.environ['LINESIDE_URL']}/vici?{urllib.parse.urlencode(fields)}")
    request.add_header("Authorization", f"Bearer {os.environ.get('LINESIDE_TOKEN', '')}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read().decode()
    if text.startswith("ERROR:"):
        if " NO CALLS FOUND " in text:
            return []
        sys.exit(text.strip())
    return list(csv.DictReader(text.splitlines()))


def worth(call):
    """The smaller, the sooner somebody should listen: a score of 100 counts as much as a sentiment of 1."""
    return float(call["score"] or 50) / 100 + float(call["sentiment"] or 0)


if len(sys.argv) < 3:
    sys.exit(__doc__)
found = [call for agent in sys.argv[2:] for call in calls(agent, sys.argv[1])]
columns = ["start_time", "user", "call_id", "status", "score", "sentiment", "keywords", "reason"]
out = csv.DictWriter(sys.stdout, columns, extrasaction="ignore")
out.writeheader()
out.writerows(sorted(found, key=worth))

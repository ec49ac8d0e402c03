#!/usr/bin/env python3
"""Scores what lazaret said of labelled model files.

    bench/models/score.py LABELS.jsonl SCANNED.jsonl [--misses]

LABELS has `{"path", "label": malicious|suspicious|benign, "family"}` lines, SCANNED what `lazaret models scan --jsonl`
printed for the folder. Right is: malicious blocked with a rule and a place; suspicious at least quarantined; benign
allowed, read whole, and without a finding above info. Prints a line a family; `--misses` also each file that is wrong.
A label whose path names a folder stands for the worst of its files.
"""
import argparse
import collections
import json

GRAVE = {"allow": 0, "quarantine": 1, "block": 2}


def right(label, scanned):
    if label == "malicious":
        return any(s["verdict"] == "block" and any(f["severity"] == "critical" and f["at"] not in ("", ".") for f in s["findings"]) for s in scanned)
    if label == "suspicious":
        return any(GRAVE[s["verdict"]] >= 1 for s in scanned)
    return all(
        s["verdict"] == "allow" and s["inspected"] == "whole" and all(f["severity"] == "info" for f in s["findings"])
        for s in scanned
    )


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("labels")
    arguments.add_argument("scanned")
    arguments.add_argument("--misses", action="store_true")
    arguments.add_argument("--family")
    a = arguments.parse_args()
    scanned = [json.loads(line) for line in open(a.scanned, encoding="utf-8")]
    by_path = {one["path"]: one for one in scanned}
    table = collections.defaultdict(lambda: [0, 0])
    for line in open(a.labels, encoding="utf-8"):
        label = json.loads(line)
        if a.family and label["family"] != a.family:
            continue
        path = label["path"]
        found = [by_path[path]] if path in by_path else [s for s in scanned if s["path"].startswith(path + "/")]
        ok = bool(found) and right(label["label"], found)
        for key in ((label["label"], label["family"]), (label["label"], "ALL")):
            table[key][0] += ok
            table[key][1] += 1
        if not ok and a.misses:
            for s in found or [{"verdict": "not scanned", "format": None, "inspected": None, "findings": []}]:
                said = "; ".join(f"{f['severity']} {f['id']} {f['at']}: {f['message'][:90]}" for f in s["findings"] if f["severity"] != "info" or label["label"] != "benign")
                print(f"{label['label']:10} {path} [{s['format']}, {s['inspected']}, {s['verdict']}] {label['why']} | {said[:400]}")
    for (label, family), (ok, all_) in sorted(table.items()):
        print(f"{label:10} {family:16} {ok:4} of {all_}")


if __name__ == "__main__":
    main()

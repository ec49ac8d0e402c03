#!/usr/bin/env python3
"""Scores predicted spans against gold spans.

    score.py GOLD.jsonl PRED.jsonl [--json] [--without LABEL,LABEL] [--misses N] [--false N]

GOLD: {"id", "text", "spans": [{"start", "end", "label", "sub"?}], "neutral"?, "traps"?} a line; PRED: {"id", "spans":
[{"start", "end", "label"}]} a line; offsets in code points, half-open. A document without a prediction counts as one in
which nothing was found.

Figures, in the order printed:
  recall      gold spans that share a character with any prediction, whatever its label
  precision   predictions that share a character with any gold span; one wholly inside neutral text does not count
  F2          of the two, recall weighed four times
  PHI left    share of the non-blank characters of gold spans that no prediction covers
  over        share of the non-blank characters outside gold and neutral text that a prediction covers
  traps       trap spans (drugs, eponyms, labs ...) that a prediction touches
  label       gold spans found whose best prediction (most shared characters) bears the right kind
  whole       gold spans wholly covered, by kind
"""
import argparse
import collections
import json
import sys

# The kinds that are compared, and the names that others give them.
KINDS = {
    "NAME": "NAME PERSON PATIENT DOCTOR PER",
    "PLACE": "LOCATION GPE STREET_ADDRESS ADDRESS ZIP ZIP_CODE CITY COUNTY LOC",
    "FACILITY": "HOSPITAL ORGANIZATION ORG",
    "DATE": "DATE DATE_TIME",
    "AGE": "AGE",
    "CONTACT": "PHONE FAX EMAIL URL IP PHONE_NUMBER EMAIL_ADDRESS IP_ADDRESS DOMAIN_NAME",
    "NUMBER": "SSN US_SSN MRN HEALTH_PLAN ACCOUNT LICENSE VEHICLE DEVICE BIOMETRIC PHOTO OTHER_ID CREDIT_CARD IBAN_CODE "
              "US_DRIVER_LICENSE MEDICAL_LICENSE US_PASSPORT US_ITIN US_BANK_NUMBER UK_NHS US_NPI US_MBI CRYPTO",
}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names.split()}


def kind_of(label):
    label = label.split(".")[0].upper()
    return KIND_OF.get(label, label)


def read(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def score(gold_docs, pred_docs, without=()):
    preds = {str(doc["id"]): doc["spans"] for doc in pred_docs}
    count = collections.Counter()
    kinds = collections.defaultdict(collections.Counter)
    traps = collections.defaultdict(collections.Counter)
    misses, falses = [], []
    for doc in gold_docs:
        text = doc["text"]
        gold = [(s["start"], s["end"], s["label"].split(".")[0].upper()) for s in doc["spans"]]
        gold = [g for g in gold if g[2] not in without]
        pred = sorted({(s["start"], s["end"], s.get("label", "PHI")) for s in preds.get(str(doc["id"]), [])})
        neutral = [(s["start"], s["end"]) for s in doc.get("neutral", [])]
        neutral += [(s["start"], s["end"]) for s in doc["spans"] if s["label"].split(".")[0].upper() in without]
        for start, end, _ in pred:
            if not 0 <= start < end <= len(text):
                sys.exit(f"document {doc['id']}: a predicted span is outside the text")
        covered, is_gold, is_neutral = bytearray(len(text)), bytearray(len(text)), bytearray(len(text))
        for spans, mark in ((pred, covered), (gold, is_gold), (neutral, is_neutral)):
            for span in spans:
                mark[span[0]:span[1]] = b"\1" * (span[1] - span[0])
        leaked = False
        for at, char in enumerate(text):
            if char.isspace():
                continue
            if is_gold[at]:
                count["phi"] += 1
                count["phi_left"] += not covered[at]
                leaked |= not covered[at]
            elif not is_neutral[at]:
                count["other"] += 1
                count["over"] += covered[at]
        count["documents"] += 1
        count["leaky"] += leaked
        for start, end, label in gold:
            shared = [(min(end, e) - max(start, b), b - e, lb) for b, e, lb in pred if b < end and start < e]
            whole = all(covered[at] or text[at].isspace() for at in range(start, end))
            count["gold"] += 1
            count["found"] += bool(shared)
            kinds[label]["spans"] += 1
            kinds[label]["whole"] += whole
            if shared:
                count["label_right"] += kind_of(max(shared)[2]) == kind_of(label)
            if not whole:
                misses.append((doc["id"], label, text[start:end]))
        for start, end, label in {(s, e): (s, e, lb) for s, e, lb in pred}.values():
            hit = any(b < end and start < e for b, e, _ in gold)
            if hit or not any(b <= start and end <= e for b, e in neutral):
                count["pred"] += 1
                count["pred_right"] += hit
                if not hit:
                    falses.append((doc["id"], label, text[start:end]))
        for trap in doc.get("traps", []):
            traps[trap["kind"]]["spans"] += 1
            traps[trap["kind"]]["masked"] += any(covered[trap["start"]:trap["end"]])
    part = lambda a, b: count[a] / count[b] if count[b] else None
    recall, precision = part("found", "gold"), part("pred_right", "pred")
    f2 = 5 * precision * recall / (4 * precision + recall) if precision and recall else 0.0
    return {
        "documents": count["documents"], "documents_with_a_leak": count["leaky"], "gold": count["gold"],
        "recall": recall, "precision": precision, "f2": f2, "phi_left": part("phi_left", "phi"),
        "over_redaction": part("over", "other"), "label_right": part("label_right", "found"),
        "traps": sum(t["spans"] for t in traps.values()), "traps_masked": sum(t["masked"] for t in traps.values()),
        "traps_by_kind": {kind: dict(t) for kind, t in sorted(traps.items())},
        "by_label": {kind: dict(k) for kind, k in sorted(kinds.items())},
    }, misses, falses


def percent(value):
    return "-" if value is None else f"{100 * value:.1f}"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("gold")
    arguments.add_argument("pred")
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--without", default="")
    arguments.add_argument("--misses", type=int, default=0)
    arguments.add_argument("--false", type=int, default=0)
    a = arguments.parse_args()
    figures, misses, falses = score(read(a.gold), read(a.pred), set(filter(None, a.without.split(","))))
    if a.json:
        print(json.dumps(figures, indent=1))
        return
    print(f"recall {percent(figures['recall'])}  precision {percent(figures['precision'])}  F2 {percent(figures['f2'])}  "
          f"PHI left {percent(figures['phi_left'])}  over {percent(figures['over_redaction'])}  "
          f"traps {figures['traps_masked']} of {figures['traps']}  label {percent(figures['label_right'])}")
    for label, row in figures["by_label"].items():
        print(f"  {label:<20}{row['whole']:>5} of {row['spans']:>5} whole")
    for title, rows, most in (("not wholly covered", misses, a.misses), ("on no gold", falses, getattr(a, "false"))):
        for row in rows[:most]:
            print(f"  {title}: {row[0]} {row[1]} {row[2]!r}")


if __name__ == "__main__":
    main()

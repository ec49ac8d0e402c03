#!/usr/bin/env python3
"""Records what Presidio's anonymizer answers to a table of requests, for the tests of lazaret's compatible API.

    pip install presidio-anonymizer==2.2.366
    python3 record.py > anonymizer.json

Presidio (https://github.com/data-privacy-stack/presidio) is under the MIT licence; the requests are our own, with
made-up persons. The HTTP layer of Presidio is thin (its app.py) and followed here: an InvalidParamError is status 422,
a BadRequest 400, anything else 500. What is random (initialisation vectors, salts) is recorded as a sealed text to be opened.
"""
import json
import random

from presidio_anonymizer import AnonymizerEngine, DeanonymizeEngine
from presidio_anonymizer.entities import InvalidParamError
from presidio_anonymizer.services.app_entities_convertor import AppEntitiesConvertor as Convertor

engine, back = AnonymizerEngine(), DeanonymizeEngine()
operate = engine._operate
seen = []


def spy(text, pii_entities, *rest, **more):
    seen[:] = sorted(pii_entities)
    return operate(text, pii_entities, *rest, **more)


engine._operate = lambda text, pii_entities, **more: spy(text, pii_entities, **more)


def error(status, message):
    return status, json.dumps({"error": message}, separators=(",", ":")) + "\n"


def answer(path, request):
    request = json.loads(json.dumps(request))  # Presidio changes what it is given
    seen.clear()
    try:
        if not request:
            return error(400, "Invalid request json")
        if path == "/anonymize":
            config = Convertor.operators_config_from_json(request.get("anonymizers"))
            if Convertor.check_custom_operator(config):
                return error(400, "Custom type anonymizer is not supported")
            results = Convertor.analyzer_results_from_json(request.get("analyzer_results"))
            return 200, engine.anonymize(request.get("text", ""), results, operators=config).to_json()
        config = Convertor.operators_config_from_json(request.get("deanonymizers"))
        entities = Convertor.deanonymize_entities_from_json(request)
        return 200, back.deanonymize(text=request.get("text", ""), entities=entities, operators=config).to_json()
    except InvalidParamError as wrong:
        return error(422, wrong.err_msg)
    except Exception:  # as its app.py: what it did not think of
        return error(500, "Internal server error")


NOTE = "Zoë Quillmoor 😀 of Ward 7, SSN 078-05-1120, call 617-555-0142."


def found(text, entity, piece, score=0.85):
    start = text.index(piece)
    return {"entity_type": entity, "start": start, "end": start + len(piece), "score": score}


PERSON = found(NOTE, "PERSON", "Zoë Quillmoor")
SSN = found(NOTE, "US_SSN", "078-05-1120", 1.0)
PHONE = found(NOTE, "PHONE_NUMBER", "617-555-0142", 0.4)
ALL = [PERSON, SSN, PHONE]


def ask(results, text=NOTE, **anonymizers):
    request = {"text": text, "analyzer_results": results}
    if anonymizers:
        request["anonymizers"] = anonymizers
    return request


def mask(char, count, end):
    return {"type": "mask", "masking_char": char, "chars_to_mask": count, "from_end": end}


SALT = "sixteen bytes ok"
KEYS = ["k" * 16, "k" * 24, "é" * 16]
TABLE = [
    ("default replace", ask(ALL)),
    ("replace by", ask(ALL, PERSON={"type": "replace", "new_value": "Ann Other"}, DEFAULT={"type": "redact"})),
    ("replace by nothing", ask([PERSON], PERSON={"type": "replace", "new_value": ""})),
    ("replace by zero", ask([PERSON], PERSON={"type": "replace", "new_value": 0})),
    ("replace by a number", ask([PERSON], PERSON={"type": "replace", "new_value": 5})),
    ("replace by a list", ask([PERSON], PERSON={"type": "replace", "new_value": ["x"]})),
    ("replace by an object", ask([PERSON], PERSON={"type": "replace", "new_value": {"x": 1}})),
    ("keep", ask(ALL, PERSON={"type": "keep"})),
    ("mask from the end", ask(ALL, DEFAULT=mask("*", 4, True))),
    ("mask from the start", ask(ALL, DEFAULT=mask("😀", 4, False))),
    ("mask more than there is", ask(ALL, DEFAULT=mask("#", 400, False))),
    ("mask none", ask(ALL, DEFAULT=mask("#", 0, True))),
    ("mask fewer than none", ask(ALL, DEFAULT=mask("#", -3, True))),
    ("mask with nothing", ask(ALL, DEFAULT=mask("", 3, True))),
    ("mask with two", ask(ALL, DEFAULT=mask("##", 3, True))),
    ("mask with a number", ask(ALL, DEFAULT=mask(7, 3, True))),
    ("mask without a character", ask(ALL, DEFAULT={"type": "mask", "chars_to_mask": 3, "from_end": True})),
    ("mask without a count", ask(ALL, DEFAULT={"type": "mask", "masking_char": "*", "from_end": True})),
    ("mask without a side", ask(ALL, DEFAULT={"type": "mask", "masking_char": "*", "chars_to_mask": 3})),
    ("mask a text of characters", ask(ALL, DEFAULT=mask("*", "3", True))),
    ("mask half a character", ask(ALL, DEFAULT=mask("*", 1.5, True))),
    ("mask from a number", ask(ALL, DEFAULT=mask("*", 3, 1))),
    ("hash", ask(ALL, DEFAULT={"type": "hash", "salt": SALT})),
    ("hash sha512", ask(ALL, DEFAULT={"type": "hash", "hash_type": "sha512", "salt": SALT})),
    ("hash md5", ask(ALL, DEFAULT={"type": "hash", "hash_type": "md5", "salt": SALT})),
    ("hash without a type", ask(ALL, DEFAULT={"type": "hash", "hash_type": None, "salt": SALT})),
    ("hash short salt", ask(ALL, DEFAULT={"type": "hash", "salt": "short"})),
    ("hash empty salt", ask(ALL, DEFAULT={"type": "hash", "salt": ""})),
    ("encrypt without a key", ask(ALL, DEFAULT={"type": "encrypt"})),
    ("encrypt under a short key", ask(ALL, DEFAULT={"type": "encrypt", "key": "short"})),
    ("encrypt under a number", ask(ALL, DEFAULT={"type": "encrypt", "key": 1234})),
    ("hash of another type", ask(ALL, DEFAULT={"type": "hash", "hash_type": 5, "salt": SALT})),
    ("hash of a truth", ask(ALL, DEFAULT={"type": "hash", "hash_type": True, "salt": SALT})),
    ("hash of a fraction", ask(ALL, DEFAULT={"type": "hash", "hash_type": 2.0, "salt": SALT})),
    ("hash in capitals", ask(ALL, DEFAULT={"type": "hash", "hash_type": "SHA256", "salt": SALT})),
    ("hash under a number", ask(ALL, DEFAULT={"type": "hash", "salt": 5})),
    ("hash in many scripts", ask(ALL, DEFAULT={"type": "hash", "salt": "é" * 8})),
    ("replace by false", ask([PERSON], PERSON={"type": "replace", "new_value": False})),
    ("replace by truth", ask([PERSON], PERSON={"type": "replace", "new_value": True})),
    ("replace by none", ask([PERSON], PERSON={"type": "replace", "new_value": None})),
    ("replace by signs", ask([PERSON], PERSON={"type": "replace", "new_value": "\"\\/\x01\x1f\x7f\u2028é😀\n\t"})),
    ("mask many with none", ask(ALL, DEFAULT=mask("", 300, False))),
    ("mask by truth", ask(ALL, DEFAULT=mask("*", True, True))),
    ("mask no count", ask(ALL, DEFAULT=mask("*", None, True))),
    ("mask an empty count", ask(ALL, DEFAULT=mask("*", "", True))),
    ("mask a count of zero", ask(ALL, DEFAULT=mask("*", 0.0, True))),
    ("mask no side", ask(ALL, DEFAULT=mask("*", 3, None))),
    ("mask with zero", ask(ALL, DEFAULT=mask(0, 3, True))),
    ("mask from zero", ask(ALL, DEFAULT=mask("*", 3, 0))),
    ("mask from a text", ask(ALL, DEFAULT=mask("*", 3, "no"))),
    ("encrypt under nothing", ask(ALL, DEFAULT={"type": "encrypt", "key": ""})),
    ("encrypt under a list", ask(ALL, DEFAULT={"type": "encrypt", "key": ["k"]})),
    ("decrypt there", ask(ALL, DEFAULT={"type": "decrypt", "key": "k" * 16})),
    ("type is a number", ask(ALL, DEFAULT={"type": 5})),
    ("type is empty", ask(ALL, DEFAULT={"type": ""})),
    ("operators are none", {"text": NOTE, "analyzer_results": ALL, "anonymizers": None}),
    ("operators are empty", {"text": NOTE, "analyzer_results": ALL, "anonymizers": {}}),
    ("operators are a list", {"text": NOTE, "analyzer_results": ALL, "anonymizers": ["x"]}),
    ("custom, not used", ask([PERSON], US_SSN={"type": "custom"})),
    ("no such operator", ask(ALL, DEFAULT={"type": "fade"})),
    ("no such operator, not used", ask([PERSON], US_SSN={"type": "fade"})),
    ("custom", ask(ALL, DEFAULT={"type": "custom", "lambda": "x"})),
    ("operator without a type", ask(ALL, DEFAULT={"new_value": "x"})),
    ("no results", ask([])),
    ("results missing", {"text": NOTE}),
    ("nothing", {}),
    ("no text", {"analyzer_results": []}),
    ("unknown entity", ask([{**PERSON, "entity_type": "WARD STAFF"}])),
    ("beyond the end", ask([{**PERSON, "end": 900}])),
    ("starts beyond the end", ask([{**PERSON, "start": 800, "end": 900}])),
    ("backwards", ask([{**PERSON, "start": 9, "end": 2}])),
    ("negative", ask([{**PERSON, "start": -1}])),
    ("no start", ask([{"entity_type": "PERSON", "end": 4, "score": 1}])),
    ("no end", ask([{"entity_type": "PERSON", "start": 4, "score": 1}])),
    ("no entity", ask([{"start": 1, "end": 4, "score": 1}])),
    ("no score", ask([{"entity_type": "PERSON", "start": 1, "end": 4}])),
    ("start is none", ask([{**PERSON, "start": None}])),
    ("start is a fraction", ask([{**PERSON, "start": 1.5}])),
    ("start is a truth", ask([{**PERSON, "start": True}])),
    ("start is a list", ask([{**PERSON, "start": [1]}])),
    ("start is empty", ask([{**PERSON, "start": ""}])),
    ("end is a text", ask([{**PERSON, "end": "13"}])),
    ("end is negative", ask([{**PERSON, "start": 0, "end": -2}])),
    ("entity is empty", ask([{**PERSON, "entity_type": ""}])),
    ("entity is none", ask([{**PERSON, "entity_type": None}])),
    ("score is none", ask([{**PERSON, "score": None}])),
    ("score is zero", ask([{**PERSON, "score": 0}])),
    ("score of many places", ask([{**PERSON, "score": 0.30000000000000004}, {**SSN, "score": 1e22}])),
    ("score below none", ask([{**PERSON, "score": -0.5}])),
    ("results are none", {"text": NOTE, "analyzer_results": None}),
    ("results are an object", {"text": NOTE, "analyzer_results": {"start": 1}}),
    ("a result is a text", ask(["PERSON"])),
    ("text is empty", ask([], "")),
    ("text is none", {"text": None, "analyzer_results": []}),
    ("text is a number", {"text": 5, "analyzer_results": []}),
    ("empty at the start", ask([{**PERSON, "end": 0}])),
    ("empty at the end", ask([{**PERSON, "start": len(NOTE), "end": len(NOTE)}])),
    ("empty within", ask([PERSON, {**SSN, "start": 5, "end": 5}])),
    ("empty at an end", ask([PERSON, {**SSN, "start": PERSON["end"], "end": PERSON["end"]}])),
    ("empty twice", ask([{**PERSON, "start": 15, "end": 15}, {**SSN, "start": 15, "end": 15}])),
    ("empty of one type twice", ask([{**PERSON, "start": 15, "end": 15}, {**PERSON, "start": 15, "end": 15}])),
    ("start is a text", ask([{**PERSON, "start": "1"}])),
    ("empty span", ask([{**PERSON, "start": 3, "end": 3}])),
    ("scores as they came", ask([{**PERSON, "score": 1}, {**SSN, "score": 0.1}, {**PHONE, "score": 1e-5}])),
    ("other members", ask([{**PERSON, "analysis_explanation": None, "recognition_metadata": {"a": 1}}])),
    ("same place, other type", ask([PERSON, {**PERSON, "entity_type": "LOCATION", "score": 0.9}])),
    ("same place and score", ask([PERSON, {**PERSON, "entity_type": "LOCATION"}])),
    ("contained", ask([PERSON, {**PERSON, "start": 4, "entity_type": "LOCATION", "score": 1}])),
    ("touching", ask([{**PERSON, "end": 4}, {**PERSON, "start": 4}])),
    ("neighbours over a space", ask([{**PERSON, "end": 3}, {**PERSON, "start": 4}])),
    ("neighbours over a line's end", ask([{**PERSON, "end": 3}, {**PERSON, "start": 5, "end": 8}], "Zoë \nQuillmoor")),
    ("neighbours over a tab", ask([{**PERSON, "end": 3}, {**PERSON, "start": 4, "end": 8}], "Zoë\tQuillmoor")),
]

# Where lazaret differs: results of two types that overlap.
SPLICED = "abcd efgh of Ward 7"
JOINED = [{"entity_type": kind, "start": start, "end": end, "score": 0.5} for kind, start, end in
          [("A", 0, 4), ("A", 5, 9), ("B", 3, 7), ("B", 6, 8)]]
CROSSED = [{"entity_type": "A", "start": 0, "end": 7, "score": 0.5}, {"entity_type": "B", "start": 5, "end": 9, "score": 0.5}]
TABLE += [
    ("joined around another", ask(JOINED, SPLICED)),
    ("overlap, replaced", ask(CROSSED, SPLICED)),
    ("overlap, kept", ask(CROSSED, SPLICED, A={"type": "keep"})),
    ("overlap, hashed", ask(CROSSED, SPLICED, DEFAULT={"type": "hash", "salt": SALT})),
    ("overlap, removed", ask(CROSSED, SPLICED, DEFAULT={"type": "redact"})),
    ("overlap, masked", ask(CROSSED, SPLICED, A=mask("*", 2, False))),
]

BACK = [
    ("nothing back", {}),
    ("no results back", {"text": NOTE, "deanonymizers": {}}),
    ("kept", {"text": NOTE, "deanonymizers": {"DEFAULT": {"type": "deanonymize_keep"}}, "anonymizer_results": [PERSON, SSN]}),
    ("an anonymizer is no way back", {"text": NOTE, "deanonymizers": {"DEFAULT": {"type": "redact"}}, "anonymizer_results": [PERSON]}),
    ("no operator back", {"text": NOTE, "anonymizer_results": [PERSON]}),
    ("results none back", {"text": NOTE, "anonymizer_results": None, "deanonymizers": None}),
    ("no text back", {"anonymizer_results": []}),
    ("scores back", {"text": NOTE, "deanonymizers": {"DEFAULT": {"type": "deanonymize_keep"}}, "anonymizer_results":
        [{**PERSON, "score": 1}, {**SSN, "score": None}, {key: PHONE[key] for key in ("start", "end", "entity_type")}]}),
    ("overlap back", {"text": NOTE, "deanonymizers": {"DEFAULT": {"type": "deanonymize_keep"}}, "anonymizer_results":
        [PERSON, {**SSN, "start": 4, "end": 18}, {**PHONE, "start": 4, "end": 9}]}),
    ("empty back", {"text": NOTE, "deanonymizers": {"DEFAULT": {"type": "deanonymize_keep"}}, "anonymizer_results":
        [{**PERSON, "start": 4, "end": 4}, {**SSN, "start": 4, "end": 9}, {**SSN, "start": 9, "end": 9}]}),
    ("beyond the end back", {"text": NOTE, "deanonymizers": {"DEFAULT": {"type": "deanonymize_keep"}}, "anonymizer_results":
        [{**PERSON, "end": 900}]}),
    ("no entity back", {"text": NOTE, "deanonymizers": {"DEFAULT": {"type": "deanonymize_keep"}}, "anonymizer_results":
        [{"start": 1, "end": 2}]}),
    ("backwards back", {"text": NOTE, "deanonymizers": {"DEFAULT": {"type": "deanonymize_keep"}}, "anonymizer_results":
        [{**PERSON, "start": 9, "end": 2}]}),
    ("no key back", {"text": NOTE, "deanonymizers": {"DEFAULT": {"type": "decrypt"}}, "anonymizer_results": [PERSON]}),
    ("type missing back", {"text": NOTE, "deanonymizers": {"DEFAULT": {}}, "anonymizer_results": [PERSON]}),
    ("no secret back", {"text": NOTE, "deanonymizers": {"DEFAULT": {"type": "decrypt", "key": "k" * 16}}, "anonymizer_results": [PERSON]}),
    ("short key back", {"text": NOTE, "deanonymizers": {"DEFAULT": {"type": "decrypt", "key": "x"}}, "anonymizer_results": [PERSON]}),
]

rows = [{"name": name, "path": "/anonymize", "request": request} for name, request in TABLE]
rows += [{"name": name, "path": "/deanonymize", "request": request} for name, request in BACK]

for key in KEYS:
    sealed = json.loads(answer("/anonymize", ask(ALL, DEFAULT={"type": "encrypt", "key": key}))[1])
    request = {"text": sealed["text"], "anonymizer_results": sealed["items"], "deanonymizers": {"DEFAULT": {"type": "decrypt", "key": key}}}
    rows.append({"name": f"decrypt {len(key.encode()) * 8} bits", "path": "/deanonymize", "request": request})

# Overlaps of every kind, by chance: two types, a short text with spaces. Then with operators, and on the way back.
chance = random.Random(20260101)


def by_chance(types):
    text = "".join(chance.choice("ab é😀  \n") for _ in range(14))
    results = []
    for _ in range(chance.randint(2, 6)):
        start, end = sorted(chance.choices(range(15), k=2))
        results.append({"entity_type": chance.choice(types), "start": start, "end": end, "score": chance.choice([0.2, 0.5, 1.0])})
    return text, results


for number in range(300):
    text, results = by_chance("AB")
    rows.append({"name": f"chance {number}", "path": "/anonymize", "request": ask(results, text)})
OPERATORS = [
    {"type": "replace"}, {"type": "replace", "new_value": "é"}, {"type": "redact"}, {"type": "keep"}, mask("*", 2, True),
    mask("😀", 3, False), {"type": "hash", "salt": SALT}, {"type": "hash", "hash_type": "sha512", "salt": SALT},
]
for number in range(200):
    text, results = by_chance("ABC")
    request = ask(results, text, **{name: chance.choice(OPERATORS) for name in ["A", "B", "DEFAULT"]})
    rows.append({"name": f"operators by chance {number}", "path": "/anonymize", "request": request})
for number in range(60):
    text, results = by_chance("AB")
    request = {"text": text, "anonymizer_results": results, "deanonymizers": {"DEFAULT": {"type": "deanonymize_keep"}}}
    rows.append({"name": f"back by chance {number}", "path": "/deanonymize", "request": request})


def shows(request, entity):
    named = request.get("anonymizers") or {}
    return named.get(entity, named.get("DEFAULT", {})).get("type") in ("keep", "mask")


for row in rows:
    row["status"], row["response"] = answer(row["path"], row["request"])
    if row["status"] == 500:
        row["differs"] = "Presidio fails"
    if row["path"] == "/anonymize" and row["status"] == 200:
        pairs = [(one, other) for one in seen for other in seen if one is not other]
        # Presidio joins neighbours last, so a result may come to lie within another: then a piece of the text that
        # is covered by a result stays as it was.
        if any(one.start <= other.start and one.end >= other.end for one, other in pairs):
            row["differs"] = "a result within another"
        # Each of two results that overlap is given all of its text: what one removes, the other may show.
        elif any(one.start < other.start < one.end and shows(row["request"], one.entity_type) for one, other in pairs):
            row["differs"] = "an overlap in part"
print("[")
print(",\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
print("]")

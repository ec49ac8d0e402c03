"""The peers of `bench/ingest/run`, each in a process of its own: one JSON line with the best of N times.

    peer.py fhir TIMES FILE…     fhir.resources, R4B classes, `model_validate_json` of every line, lines in memory
    peer.py csv TIMES FILE       csv.DictReader and a pydantic model with the types of the schema lazaret is given
"""
import csv
import datetime
import decimal
import io
import json
import sys
import time
import uuid
from typing import Literal, Optional


def fhir(times, files):
    from fhir.resources import __version__ as version
    from fhir.resources.R4B import get_fhir_model_class

    lines = [line for file in files for line in open(file, "rb").read().splitlines() if line.strip()]
    models = {}
    for line in lines:
        name = json.loads(line)["resourceType"]
        models.setdefault(name, get_fhir_model_class(name))
    work = [(models[json.loads(line)["resourceType"]], line) for line in lines]

    def once():
        refused = 0
        for model, line in work:
            try:
                model.model_validate_json(line)
            except ValueError:
                refused += 1
        return refused

    return sum(map(len, lines)), len(lines), version, once


def rows(times, files):
    from pydantic import VERSION, BaseModel, ConfigDict, Field, ValidationError

    classes = Literal["ambulatory", "emergency", "inpatient", "outpatient", "urgentcare", "virtual", "wellness",
                      "hospice", "home", "snf"]

    class Encounter(BaseModel):
        model_config = ConfigDict(extra="forbid")
        Id: uuid.UUID
        START: datetime.datetime
        STOP: Optional[datetime.datetime]
        PATIENT: uuid.UUID
        ORGANIZATION: Optional[uuid.UUID]
        PROVIDER: Optional[uuid.UUID]
        PAYER: Optional[uuid.UUID]
        ENCOUNTERCLASS: classes
        CODE: str
        DESCRIPTION: str
        BASE_ENCOUNTER_COST: Optional[decimal.Decimal] = Field(max_digits=10, decimal_places=2)
        TOTAL_CLAIM_COST: Optional[decimal.Decimal] = Field(max_digits=10, decimal_places=2)
        PAYER_COVERAGE: Optional[decimal.Decimal] = Field(max_digits=10, decimal_places=2)
        REASONCODE: str
        REASONDESCRIPTION: str

    data = open(files[0], "rb").read()
    optional = {name for name, field in Encounter.model_fields.items() if type(None) in getattr(field.annotation, "__args__", ())}
    count = sum(1 for _ in csv.DictReader(io.StringIO(data.decode())))

    def once():
        refused = 0
        for row in csv.DictReader(io.StringIO(data.decode())):
            try:
                Encounter.model_validate({key: None if value == "" and key in optional else value for key, value in row.items()})
            except ValidationError:
                refused += 1
        return refused

    return len(data), count, "pydantic " + VERSION, once


def main():
    what, times, *files = sys.argv[1:]
    size, records, version, once = {"fhir": fhir, "csv": rows}[what](int(times), files)
    best, refused = float("inf"), 0
    for _ in range(int(times)):
        started = time.perf_counter()
        refused = once()
        best = min(best, time.perf_counter() - started)
    print(json.dumps({"bytes": size, "records": records, "seconds": best, "refused": refused, "version": str(version)}))


main()

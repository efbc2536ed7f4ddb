"""Made-up credentials of many issuers, in the places where people paste them.

Formats follow the issuers' public documentation; every value is random and opens nothing.
"""

from __future__ import annotations

import base64
import json
import random
import string
import uuid

from benchmarks.sets.draft import Record

N_ROUNDS = 6
_ALNUM = string.ascii_letters + string.digits
_B36 = string.ascii_lowercase + string.digits
_B32 = string.ascii_uppercase + "234567"
_URL64 = _ALNUM + "-_"
_HEX = "0123456789abcdef"


def _take(rng: random.Random, alphabet: str, n: int) -> str:
    return "".join(rng.choices(alphabet, k=n))


def _jwt(rng: random.Random) -> str:
    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    head = part({"alg": "HS256", "typ": "JWT"})
    return (
        f"{head}.{part({'sub': _take(rng, string.digits, 9), 'exp': 1_790_000_000})}.{_take(rng, _URL64, 43)}"
    )


def _pem(rng: random.Random) -> str:
    kind = rng.choice(["RSA ", "EC ", "OPENSSH ", ""])
    body = "\n".join(_take(rng, _ALNUM + "+/", 64) for _ in range(rng.randint(3, 8)))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"


def _typed_password(rng: random.Random) -> str:
    """Return a password as people make them up."""
    word = rng.choice(
        ["Otter", "banana", "Winter", "tiger", "Purple", "monkey", "Fjord", "pizza", "Hunter", "rosebud"]
    )
    other = rng.choice(["cloud", "River", "Snow", "fish", "Rocket"])
    n = rng.randint(1, 2030)
    sign = rng.choice("!@#$%&*?_-")
    return rng.choice([f"{word}{n}{sign}", f"{word}{sign}{n}", f"{word}{other}{n}", f"{word.replace('a', '@').replace('e', '3')}{n}{sign}", _take(rng, _ALNUM + "!#$%&*", 12), f"{word}-{other}-{n}"])  # fmt: skip


def _recovery(rng: random.Random) -> str:
    words = ["lake", "rabbit", "velvet", "copper", "onion", "ladder", "summit", "pepper", "window", "orbit", "candle", "fabric", "jungle", "mirror", "noodle", "pencil", "quartz", "saddle", "timber", "walnut"]  # fmt: skip
    return " ".join(rng.choices(words, k=rng.choice([12, 24])))


KINDS = {
    "aws_key_id": lambda r: rng_choice(r, ["AKIA", "ASIA"]) + _take(r, _B32, 16),
    "aws_secret": lambda r: _take(r, _ALNUM + "+/", 40),
    "github": lambda r: rng_choice(r, ["ghp_", "gho_", "ghs_", "ghu_"]) + _take(r, _ALNUM, 36),
    "github_fine": lambda r: "github_pat_" + _take(r, _ALNUM, 22) + "_" + _take(r, _ALNUM, 59),
    "gitlab": lambda r: "glpat-" + _take(r, _URL64, 20),
    "google_api": lambda r: "AIza" + _take(r, _URL64, 35),
    "google_oauth": lambda r: "ya29." + _take(r, _URL64, 90),
    "google_secret": lambda r: "GOCSPX-" + _take(r, _URL64, 28),
    "google_refresh": lambda r: "1//0" + _take(r, _URL64, 60),
    "azure_storage": lambda r: base64.b64encode(r.randbytes(64)).decode(),
    "azure_client": lambda r: _take(r, _ALNUM, 3) + "8Q~" + _take(r, _ALNUM + "-_.~", 34),
    "slack_bot": lambda r: f"xoxb-{r.randint(10**10, 10**12)}-{r.randint(10**10, 10**12)}-{_take(r, _ALNUM, 24)}",
    "slack_hook": lambda r: f"https://hooks.slack.com/services/T{_take(r, _B32, 8)}/B{_take(r, _B32, 8)}/{_take(r, _ALNUM, 24)}",
    "stripe": lambda r: rng_choice(r, ["sk_live_", "rk_live_", "sk_test_"]) + _take(r, _ALNUM, 24),
    "openai": lambda r: "sk-proj-" + _take(r, _URL64, 74),
    "openai_old": lambda r: "sk-" + _take(r, _ALNUM, 48),
    "anthropic": lambda r: "sk-ant-api03-" + _take(r, _URL64, 93) + "AA",
    "huggingface": lambda r: "hf_" + _take(r, string.ascii_letters, 34),
    "npm": lambda r: "npm_" + _take(r, _ALNUM, 36),
    "pypi": lambda r: "pypi-AgEIcHlwaS5vcmc" + _take(r, _URL64, 90),
    "jwt": _jwt,
    "pem": _pem,
    "sendgrid": lambda r: f"SG.{_take(r, _URL64, 22)}.{_take(r, _URL64, 43)}",
    "mailgun": lambda r: "key-" + _take(r, _HEX, 32),
    "mailchimp": lambda r: _take(r, _HEX, 32) + f"-us{r.randint(1, 21)}",
    "twilio": lambda r: "SK" + _take(r, _HEX, 32),
    "telegram": lambda r: f"{r.randint(10**8, 10**10 - 1)}:AA{_take(r, _URL64, 33)}",
    "discord": lambda r: f"M{_take(r, _ALNUM, 25)}.{_take(r, _URL64, 6)}.{_take(r, _URL64, 38)}",
    "shopify": lambda r: "shpat_" + _take(r, _HEX, 32),
    "digitalocean": lambda r: "dop_v1_" + _take(r, _HEX, 64),
    "databricks": lambda r: "dapi" + _take(r, _HEX, 32),
    "datadog": lambda r: _take(r, _HEX, 32),
    "heroku": lambda r: str(uuid.UUID(int=r.getrandbits(128), version=4)),
    "hashicorp": lambda r: "hvs." + _take(r, _URL64, 90),
    "terraform": lambda r: f"{_take(r, _ALNUM, 14)}.atlasv1.{_take(r, _ALNUM, 60)}",
    "dynatrace": lambda r: f"dt0c01.{_take(r, _B32, 24)}.{_take(r, _B32, 64)}",
    "planetscale": lambda r: "pscale_tkn_" + _take(r, _URL64, 43),
    "notion": lambda r: "secret_" + _take(r, _ALNUM, 43),
    "airtable": lambda r: f"pat{_take(r, _ALNUM, 14)}.{_take(r, _HEX, 64)}",
    "linear": lambda r: "lin_api_" + _take(r, _ALNUM, 40),
    "figma": lambda r: f"figd_{_take(r, _URL64, 40)}",
    "groq": lambda r: "gsk_" + _take(r, _ALNUM, 52),
    "replicate": lambda r: "r8_" + _take(r, _ALNUM, 37),
    "sentry": lambda r: f"https://{_take(r, _HEX, 32)}@o{r.randint(1000, 99999)}.ingest.sentry.io/{r.randint(1000, 99999)}",
    "mapbox": lambda r: f"pk.eyJ1Ijoi{_take(r, _ALNUM, 40)}.{_take(r, _URL64, 22)}",
    "okta": lambda r: "00" + _take(r, _URL64, 40),
    "typeform": lambda r: f"tfp_{_take(r, _URL64, 44)}_{_take(r, _URL64, 12)}",
    "plaid": lambda r: f"access-sandbox-{uuid.UUID(int=r.getrandbits(128), version=4)}",
    "duffel": lambda r: "duffel_test_" + _take(r, _URL64, 43),
    "readme": lambda r: "rdme_" + _take(r, _B36, 70),
    "age": lambda r: "AGE-SECRET-KEY-1" + _take(r, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
    "generic_b36": lambda r: _take(r, _B36, r.choice([24, 32, 40])),
    "generic_alnum": lambda r: _take(r, _ALNUM, r.choice([20, 32, 48])),
    "generic_b64": lambda r: base64.b64encode(r.randbytes(r.choice([24, 33]))).decode(),
    "generic_hex": lambda r: _take(r, _HEX, r.choice([32, 40, 64])),
}  # fmt: skip
_BARE = {k for k in KINDS if not k.startswith(("generic", "aws_secret", "datadog", "heroku", "azure", "okta", "jwt", "pem", "slack_hook", "sentry"))}  # fmt: skip
_ANY = {k for k in KINDS if k not in {"pem", "slack_hook", "sentry"}}


def rng_choice(rng: random.Random, values: list[str]) -> str:
    """Return one of some values."""
    return rng.choice(values)


CONTEXTS = [
    (_ANY, "{NAME}={}\nDEBUG=true\nPORT=8080"),
    (_ANY, 'export {NAME}="{}"'),
    (_ANY, '{\n  "{name}": "{}",\n  "region": "eu-west-1"\n}'),
    (_ANY, "{name}: {}\nretries: 3"),
    (_ANY, "{name}: '{}'  # rotate monthly"),
    (_ANY, "curl -H 'Authorization: Bearer {}' https://api.norvane.example/v1/items"),
    (_ANY, 'curl -X POST "https://api.norvane.example/v1?api_key={}&limit=5"'),
    (_ANY, "curl -H 'X-Api-Key: {}' https://norvane.example"),
    (_ANY, 'client = Client(api_key="{}")'),
    (_ANY, "const {camel} = '{}';"),
    (_ANY, 'private static final String {NAME} = "{}";'),
    (_ANY, "$config['{name}'] = '{}';"),
    (_ANY, 'os.environ["{NAME}"] = "{}"'),
    (_ANY, "headers = {'Authorization': 'Token {}'}"),
    (_ANY, '<add key="{camel}" value="{}" />'),
    (_ANY, "<{camel}>{}</{camel}>"),
    (_ANY, "let {camel}: String = \"{}\""),
    (_ANY, "{name} := \"{}\""),
    (_ANY, "ENV {NAME} {}"),
    (_ANY, "--set {name}={}"),
    (_ANY, "tool login --token {}"),
    (_ANY, "my {spaced} is {} can you check why it says unauthorized"),
    (_ANY, "here's the {spaced}: {} please don't share it"),
    (_ANY, "I get 401 with this {spaced}\n{}\nwhat's wrong"),
    (_ANY, "2024-03-05 10:11:12 ERROR auth failed for {name}={} status=403"),
    (_ANY, "| {spaced} | {} |"),
    (_BARE, "why does {} not work"),
    (_BARE, "use {}"),
    (_BARE, "{}"),
    (_BARE, "print(requests.get(url, headers=h, auth=('me', '{}')).json())"),
    ({"pem"}, "my server key:\n{}\nis it valid?"),
    ({"pem"}, 'KEY="{}"'),
    ({"slack_hook", "sentry"}, "post to {} when the build fails"),
    ({"slack_hook", "sentry"}, 'dsn: "{}"'),
    ({"jwt"}, "decode this {}"),
    ({"jwt"}, "Cookie: session={}"),
]  # fmt: skip
PROSE = [
    "my password is {}",
    "the wifi password is {} btw",
    "Username: admin\nPassword: {}",
    "pw: {}",
    "login with root / {}",
    "i changed my netflix password to {} and now i can't log in",
    "password = '{}'",
    "mysql -u root -p'{}' shop",
    "PGPASSWORD={} psql -h db",
    "sshpass -p '{}' ssh box",
    "DB_PASSWORD: {}",
    '"password": "{}",',
    "spring.datasource.password={}",
    "passphrase: {}",
    "pass: {}",
    "the admin account uses {} as its password",
    "net user sam {} /add",
    "docker login -u sam -p {} registry.example",
    "<password>{}</password>",
    "conn = connect(host='db', user='app', password='{}')",
]
URLS = [
    "postgres://app:{}@db.norvane.example:5432/shop",
    "mongodb+srv://admin:{}@cluster0.x1y2z.mongodb.net/test",
    "redis://:{}@cache.norvane.example:6379/0",
    "mysql://root:{}@10.0.0.5/shop",
    "amqp://svc:{}@mq.norvane.example",
    "https://sam:{}@git.norvane.example/repo.git",
    "Server=db;Database=shop;User Id=sa;Password={};Encrypt=true",
    "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey={};EndpointSuffix=core.windows.net",
    "jdbc:postgresql://db/shop?user=app&password={}",
]
OTHERS = [
    ("https://app.norvane.example/callback?code={}&state=xyz", "generic_alnum"),
    ("https://norvane.example/reset?token={}", "generic_alnum"),
    ("https://norvane.blob.example/f.pdf?sv=2022&sig={}", "generic_b64"),
    ("Set-Cookie: sessionid={}; Path=/; HttpOnly", "generic_b36"),
    ("my recovery phrase is: {}", "recovery"),
    ("seed phrase {}", "recovery"),
    ("my card pin is {}", "pin"),
    ("the otp is {}", "otp"),
    ("Authorization: Basic {}", "generic_b64"),
    ("-u api:{} https://norvane.example", "generic_alnum"),
    ("x-amz-security-token: {}", "generic_b64"),
    ("client_secret={}&grant_type=refresh_token", "generic_alnum"),
    ("my licence key is {}", "licence"),
]
_EXTRA = {
    "recovery": _recovery,
    "pin": lambda r: _take(r, string.digits, 4),
    "otp": lambda r: _take(r, string.digits, 6),
    "licence": lambda r: "-".join(_take(r, _B32, 5) for _ in range(5)),
}
_LABELS = ["api key", "secret key", "access token", "auth token", "client secret", "api token", "private key", "secret"]  # fmt: skip


def _place(context: str, value: str, rng: random.Random, kind: str) -> Record:
    label = rng.choice(_LABELS)
    issuer = (
        kind.split("_")[0] if not kind.startswith("generic") else rng.choice(["app", "norvane", "service"])
    )
    name = f"{issuer}_{label.replace(' ', '_')}"
    words = [issuer, *label.split()]
    context = (
        context.replace("{NAME}", name.upper())
        .replace("{name}", name)
        .replace("{camel}", words[0] + "".join(w.title() for w in words[1:]))
        .replace("{spaced}", label)
    )
    start = context.index("{}")
    text = context.replace("{}", value, 1)
    return {"text": text, "spans": [{"start": start, "end": start + len(value), "type": "SECRET"}]}


def generate(seed: int) -> list[Record]:
    """Return one credential a text."""
    rng = random.Random(seed)
    records: list[Record] = []
    for _ in range(N_ROUNDS):
        for kind, make in KINDS.items():
            context = rng.choice([text for kinds, text in CONTEXTS if kind in kinds])
            records.append(_place(context, make(rng), rng, kind))
        records.extend(_place(c, _typed_password(rng), rng, "typed") for c in PROSE)
        records.extend(
            _place(c, _typed_password(rng).replace("@", "A").replace("/", "b"), rng, "typed") for c in URLS
        )
        records.extend(
            _place(c, {**KINDS, **_EXTRA}[kind](rng), rng, kind) for c, kind in OTHERS
        )  # fmt: skip
    return [{"id": f"credential-{i}", **record} for i, record in enumerate(records)]

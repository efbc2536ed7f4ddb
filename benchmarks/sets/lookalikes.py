"""Texts without personal data that look as if they had some: every mask is a wrong one."""

from __future__ import annotations

import base64
import hashlib
import random
import uuid

from benchmarks.sets.draft import Record, fill_rounds

N_ROUNDS = 4


def _sha(rng: random.Random) -> str:
    return hashlib.sha1(rng.randbytes(8), usedforsecurity=False).hexdigest()


def _sha256(rng: random.Random) -> str:
    return hashlib.sha256(rng.randbytes(8)).hexdigest()


def _image(rng: random.Random) -> str:
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + rng.randbytes(90)).decode()


def _colour(rng: random.Random) -> str:
    return f"#{rng.randrange(1 << 24):06x}"


def _number(rng: random.Random) -> str:
    return str(rng.randint(1_000, 9_999_999))


def _integrity(rng: random.Random) -> str:
    return "sha512-" + base64.b64encode(rng.randbytes(64)).decode()


SLOTS = {
    "sha": ("", _sha),
    "sha256": ("", _sha256),
    "image": ("", _image),
    "colour": ("", _colour),
    "number": ("", _number),
    "integrity": ("", _integrity),
    "uuid": ("", lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4))),
}
TEMPLATES = [
    "git checkout {sha} and then git cherry-pick {sha}",
    "commit {sha}\nfix the parser",
    "sha256: {sha256}",
    "FROM python:3.11-slim@sha256:{sha256}",
    '<img src="data:image/png;base64,{image}">',
    "body { color: {colour}; background: {colour}; }",
    '"integrity": "{integrity}"',
    "md5sum of the iso is d41d8cd98f00b204e9800998ecf8427e, is the file empty?",
    "password: ********",
    "export API_KEY=your_api_key_here",
    "API_KEY=<your key>",
    "token = os.environ['GITHUB_TOKEN']",
    "const secret = process.env.JWT_SECRET;",
    "password = getpass.getpass('Password: ')",
    "How do I choose a strong password? Mine has eight letters.",
    "the secret of good bread is time",
    "What is the difference between a token and a session cookie?",
    "Authorization: Bearer <token>",
    "psql postgres://user:password@localhost:5432/mydb",
    "passwordField.setText(userInput.getPassword());",
    "def get_token(self, key: str) -> str: return self.tokens[key]",
    "The key findings of the 2021 report: sales rose 12.5 %",
    "aws configure set region eu-central-1",
    "kubectl get secret my-secret -o yaml",
    "May I ask when the rose garden opens? I hope it will be in april",
    "mark the correct answer and hope for the best, by the grace of god",
    "jordan has hot summers; paris is lovely in june",
    "the river amazon, the company amazon and an apple a day",
    "will the chase bank open on good friday",
    "Is the Samsung Galaxy A35 better than the Motorola Edge or the Lenovo Yoga?",
    "Install React Native, Tailwind and Docker Desktop, then open Visual Studio Code",
    "Explain Bayes theorem and Gaussian elimination to a child",
    "best pasta sauces: Marinara, Alfredo, Bolognese, Arrabbiata",
    "The order had {number} items and cost $1,299.00",
    "In 1984 there were 10000 people at the fair; 2019-2020 was worse",
    "version 10.15.7 build 19H2, kernel 5.15.0-91-generic",
    "solve 3x + 12 = 48 and then 2 (x - 4) = 10 - 5",
    "isbn 978-3-16-148410-0, pages 112-134",
    "resize to 1920x1080 at 60 fps with bitrate 4500",
    "Mix 250 g flour, 2 eggs, 120 ml milk and bake 25 minutes at 180 degrees",
    "what's on at 8:30 pm on 12/05?",
    "Sunny",
    "Interesting",
    "Perfect",
    "Thanks",
    "Continue",
    "Amazing!",
    "Nope",
    "Hungarian",
    "Vegetarian",
    "Google",
    "Python",
    "Sounds good",
    "Yes Please",
    "Too Long",
    "Very Helpful Answer",
    "I Like The Second One",
    "Meal Prep Ideas For Busy Parents",
    "make it shorter and friendlier. Less jargon",
    "Love it but add more emojis",
    "I was hoping for something funnier",
    "Helpful overview, though I wanted cheaper options",
    "npm install lodash@4.17.21 @types/node",
    "@media (max-width: 600px) and @property in css",
    "use flexbox.js, style.css, index.html and main.py",
    "see section 4.2.1, table 3-1 and appendix b",
    "e.g. U.S. history, P.S. i love cake",
    "https://www.python.org/downloads/",
    "ReactDOM.render(App, document.getElementById('root'))",
    "sudo apt-get install libssl-dev libffi-dev python3-dev build-essential",
    "UserAuthenticationServiceImplementationFactoryBean2",
    "requestId: {uuid}",
    "The quick brown fox jumps over the lazy dog 1234567890",
    "Roman numerals: MCMXCIV, XVIII",
    "My cat is 3 kg heavier than my dog",
    "I want to learn guitar. Should I start with chords or scales?",
    "How far is Neptune from the sun in kilometers",
    "Write a haiku about Monday mornings",
]  # fmt: skip


def generate(seed: int) -> list[Record]:
    """Return the texts; those without a slot once only."""
    return fill_rounds("lookalike", TEMPLATES, SLOTS, seed, N_ROUNDS)

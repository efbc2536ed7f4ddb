"""Names by the words around them: introductions, salutations, signatures, titles."""

from __future__ import annotations

import re

from tasks.scrub.name_lists import is_plain_word
from tasks.scrub.recognizers.model import Found, Judge, Recognizer

UPPER = r"[A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĢĪİĶŁĽĻŃŇŅŌŐŘŚŞŠŤŪŮŰŹŻŽΑ-ΩА-Я]"
NAME_WORD = UPPER + r"[\w'’.-]{0,30}[\w]"
_PARTICLE = r"(?:van|von|de|del|della|der|den|di|da|dos|la|le|bin|ibn|bint|al|el|zu|ten|ter|O['’])"
NAME_SEQUENCE = NAME_WORD + r"(?:\s(?:" + _PARTICLE + r"\s){0,2}" + NAME_WORD + r"){0,3}"

NOT_A_NAME = frozenset(
    ["I", "The", "A", "An", "My", "Your", "Our", "His", "Her", "Their", "This", "That", "These", "Those", "What", "When", "Where", "Why", "How", "Who", "Which", "And", "But", "Or", "If", "Then", "So", "Yes", "No", "Not", "Please", "Thank", "Thanks", "Sir", "Madam", "Team", "All", "Everyone", "Everybody", "Friends", "Hiring", "Manager", "Customer", "Support", "Service", "Committee", "Admissions", "Professor", "Doctor", "Mom", "Dad", "Mum", "Mother", "Father", "Sister", "Brother", "Aunt", "Uncle", "Grandma", "Grandpa", "There", "Here", "It", "Its", "We", "You", "They", "He", "She", "Me", "Us", "ChatGPT", "GPT", "Claude", "Gemini", "Google", "Bing", "Siri", "Alexa", "AI", "Assistant", "Bot", "Reader", "Recipient", "Valued", "Name", "First", "Last", "Sure", "Great", "Good", "Ok", "Okay", "Hi", "Hello", "Hey", "Dear", "Also", "Just", "Let", "Can", "Could", "Would", "Should", "Will", "May", "Might", "Must", "Do", "Does", "Did", "Is", "Are", "Was", "Were", "Be", "Been", "Have", "Has", "Had", "In", "On", "At", "To", "For", "From", "With", "By", "About", "As", "Of", "English", "Spanish", "French", "German", "Python", "Java", "Excel", "Windows", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "January", "February", "March", "April", "June", "July", "August", "September", "October", "November", "December", "Subject", "Date", "Email", "Phone", "Address", "Company", "Position", "Title", "Job", "Given", "Unknown", "None", "N/A", "TBD", "World", "Folks", "Guys", "Ladies", "Gentlemen", "Students", "Colleagues", "Neighbor", "Neighbors", "Parents", "Community", "Members", "Human", "Resources", "HR", "Department", "Office", "Recruiter", "Editor", "Board", "Chair", "Student", "User", "Regards", "Sincerely", "Best", "Kind", "Warm", "Cheers", "Love", "Yours", "Truly", "Faithfully", "Respectfully", "Your", "Insert", "Full", "Surname", "Age", "Gender", "Occupation", "Signature", "Organization", "Institution", "University", "School", "College", "Class", "Course", "Grade", "Teacher", "Principal", "Landlord", "Tenant"]
)  # fmt: skip
_LOWER_STOP = frozenset(
    ["not", "the", "a", "an", "in", "on", "at", "is", "was", "going", "here", "trying", "looking", "just", "so", "very", "really", "also", "from", "sorry", "sure", "happy", "glad", "and", "or", "but", "because", "that", "this", "for", "with", "to", "of", "as", "written", "spelled", "pronounced", "unknown", "like", "my", "your", "what", "it", "if", "you", "he", "she", "they", "we", "who", "which", "where", "how", "when", "been", "being", "too", "only", "still", "now", "new", "ok", "okay", "well", "there", "about", "all", "one", "no", "yes"]
)  # fmt: skip
_TITLE = re.compile(
    r"\b(?:[Mm]r|[Mm]rs|[Mm]s|Miss|Mx|[Dd]r|[Pp]rof|[Pp]rofessor|[Cc]oach|Sir|Madam|Dame|Rev|Father|Sister|Judge|[Oo]fficer|Capt|[Cc]aptain|Lt|Sgt|Herr|Frau|Monsieur|Madame|Mme|Señora?|Sra?|Signora?|Don|Doña|Uncle|Auntie|Aunt)\b\.?\s("
    + NAME_SEQUENCE
    + ")"
)
_INTRODUCTION = re.compile(
    r"(?:\b[Mm]y (?:full |first |last |middle |maiden |real |legal |nick)?name(?:['’]s| is| was)|\b[Mm]y name:|"
    r"\b(?:[Nn]ame|Full [Nn]ame|First [Nn]ame|Last [Nn]ame|Surname|Given [Nn]ame|Nombre|Nom|Cardholder|Patient|Applicant|Employee|Customer|Client|Author|Sender|Recipient|Contact|Tenant|Landlord|Manager|Nurse|Physician|Student|Teacher|Parent|Guardian|Spouse|Supervisor|Attendees?|Reported [Bb]y|Signed|Witness|Buyer|Seller|Candidate|Interviewer|From|To|Cc|CC)\s?(?:[Nn]ame)?\s{0,2}[:=]|"
    r"\b[Cc]all me\b|\b[Ii]['’]?m called|\b[Tt]his is (?="
    + NAME_WORD
    + r"\s(?:from|calling|speaking|again|here)\b)|\b[Nn]amed\b|\b[Ii]['’]?m (?="
    + NAME_WORD
    + r"\s?(?:,|\.|!|and I|from))|\b[Ii] am (?="
    + NAME_WORD
    + r"\s"
    + NAME_WORD
    + r"\b)|"
    r"\bje m['’]appelle|\bmi nombre es|\bme llamo|\bich heiße|\bmein Name ist|\bmi chiamo|\bmeu nome é|\b[Mm]ijn naam is|\bik ben\b|\bnazywam się|\bmam na imię)"
    r"\s{0,3}[\"'*_]{0,3}(" + NAME_SEQUENCE + ")"
)
_FIELD = re.compile(
    r"(?i)(?<![\w.])[\"'`]?(?:(?:first|last|given|family|full|middle|maiden|display|real|legal|user|student|patient|customer|employee|contact|author|guest|client)[ _-]?(?:name)?|(?:sur|fore)?name|fname|lname)"
    r"[\"'`]?\s{0,2}(?::|=>?)\s{0,2}[\"'`]([^\W\d_][^\d\"'`\n<>{}@/\\:;,=()_]{1,40})[\"'`]"
)
_INTRODUCTION_LOWER = re.compile(
    r"(?i)\b(?:my (?:full |first |last |nick)?name(?:['’]?s| is)|je m['’]appelle|me llamo|mi nombre es|ich heiße|mi chiamo|(?:his|her|their) (?:full |first |last |nick)?name(?:['’]?s| is| was))\s"
    r"([^\W\d_][\w'’-]{1,24}(?:\s[^\W\d_][\w'’-]{1,24})?)"
)
_RELATION = re.compile(
    r"(?i:\bmy\s(?:(?:\w{2,12}\s)?(?:wife|husband|son|daughter|brother|sister|mother|father|mom|mum|dad|girlfriend|boyfriend|partner|fianc[eé]e?|spouse|cousin|nephew|niece|uncle|aunt|grand(?:ma|pa|mother|father|son|daughter)|friend|best\sfriend|boss|manager|supervisor|coworker|co-worker|colleague|neighbou?r|roommate|teacher|professor|doctor|therapist|landlord|tenant|ex|kid|child|baby|twin|student|client|lawyer|dog|cat)))"
    r"(?:,|\sis\scalled|['’]s\sname\sis|\snamed|\scalled)?\s(" + NAME_WORD + r"(?:\s" + NAME_WORD + r"){0,2})"
)
_SALUTATION = re.compile(
    r"(?:^|\n|[\"“])[ \t>*]{0,6}(?:[Dd]ear|[Hh]i|[Hh]ello|[Hh]ey|Hallo|Bonjour|Hola|Ciao|Estimad[oa]|Querid[oa]|Liebe[r]?|Sehr geehrte[r]?|Cher|Chère|Good (?:morning|afternoon|evening)|Congratulations|[Hh]appy (?:[Bb]irthday|[Bb]day)|[Tt]hanks|[Tt]hank you|[Tt]hx)\s,?("
    + NAME_SEQUENCE
    + r")\s{0,2}[,!:.\n]"
)
_SIGNATURE = re.compile(
    r"(?:^|\n)[ \t>*]{0,6}(?:(?:[Bb]est|[Kk]ind|[Ww]arm|[Ww]armest|[Kk]indest)?\s?[Rr]egards|[Bb]est(?: wishes)?|[Ss]incerely(?: yours)?|Yours (?:sincerely|truly|faithfully)|[Cc]heers|[Tt]hanks(?: so much| again| in advance)?|[Tt]hank you|[Mm]any thanks|[Rr]espectfully|[Ll]ove|[Cc]ordially|Saludos|Cordialement|Mit freundlichen Grüßen|Viele Grüße|Un abrazo|Xoxo|XOXO)"
    r"\s?[,!.]?\s?\n\s{0,4}[*_-]{0,3}\s?(" + NAME_SEQUENCE + ")"
)
_INITIAL = re.compile(r"(?<![\w@#/.'’-])(" + NAME_WORD + r"\s" + UPPER + r"\.?\s" + NAME_WORD + r")(?!\w)")
_CITATION = re.compile(
    r"(?<![\w@#/.'’-])(" + UPPER + r"[a-zÀ-ÿ'’-]{2,24},\s(?:" + UPPER + r"\.[ -]?){1,3})(?=[\s,;&(]|$)"
)
_INITIALS_FIRST = re.compile(
    r"(?<![\w@#/.'’-])((?:" + UPPER + r"\.\s?){1,3}" + UPPER + r"[a-zÀ-ÿ'’-]{2,24})(?!\w)"
)
_INITIALS_NOT = frozenset(
    ["U.S", "U.K", "U.N", "E.U", "D.C", "P.S", "A.I", "E.G", "I.E", "A.M", "P.M", "B.C", "A.D", "L.A", "N.Y"]
)


def _is_not_name(word: str) -> bool:
    if len(word) == 2 and word[1] == ".":
        return False  # an initial, even "I." and "A."
    return word.strip(".'’-*_\"") in NOT_A_NAME


def trim_name(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Cut words that are no names off both sides of a candidate; None when nothing is left."""
    words = [(m.start() + start, m.end() + start, m.group()) for m in re.finditer(r"\S+", text[start:end])]
    while words and _is_not_name(words[0][2]):
        words.pop(0)
    for index, (_, _, word) in enumerate(words):
        if _is_not_name(word):
            words = words[:index]
            break
    if not words:
        return None
    finish = words[-1][1]
    for possessive in ("'s", "’s"):
        if text[words[0][0] : finish].endswith(possessive):
            finish -= 2
    return words[0][0], finish


def _name(score: float) -> Judge:
    def judge(match: re.Match[str]) -> Found | None:
        bounds = trim_name(match.string, *match.span(1))
        return None if bounds is None else Found(*bounds, score)

    return judge


def _judge_lower(match: re.Match[str]) -> Found | None:
    """A lower-case introduction: one or two words, the second only when it can be a surname."""
    words = match.group(1).split()
    if words[0].lower() in _LOWER_STOP or words[0] in NOT_A_NAME:
        return None
    end = match.end(1)
    if len(words) == 2 and (
        words[1].lower() in _LOWER_STOP or words[1].lower() in {"i", "i'm", "im", "am", "my", "he", "she"}
    ):
        end = match.start(1) + len(words[0])
    return Found(match.start(1), end, 0.7)


def _judge_field(match: re.Match[str]) -> Found | None:
    """The value of a name field in code or data: one to four words, not all of them English."""
    words = match.group(1).split()
    if not 1 <= len(words) <= 4 or any(_is_not_name(w) for w in words):
        return None
    if all(is_plain_word(w.casefold().strip(".'’-")) for w in words):
        return None
    return Found(match.start(1), match.end(1), 0.7)


def _judge_initials(match: re.Match[str]) -> Found | None:
    if match.group(1).replace(" ", "")[:3] in _INITIALS_NOT:
        return None
    bounds = trim_name(match.string, *match.span(1))
    return None if bounds is None else Found(*bounds, 0.5)


PEOPLE: tuple[Recognizer, ...] = (
    Recognizer(
        "name_title", "PERSON", 2, 0.85, _TITLE,
        r"\b(?:[Mm]rs?|[Mm]s|Miss|Mx|[Dd]r|[Pp]rof|[Cc]oach|Sir|Madam|Dame|Rev|Father|Sister|Judge|[Oo]fficer|[Cc]apt|Lt|Sgt|Herr|Frau|Monsieur|Mme|Señor|Sr|Signor|Don|Doña|Uncle|Aunt)",
        must=("ask Dr. «Ines Vandermolen» now", "tell coach «Quill»"), must_not=("Dear Sir or Madam",), group=1, judge=_name(0.85),
    ),
    Recognizer(
        "name_introduced", "PERSON", 1, 0.9, _INTRODUCTION,
        r"(?:name(?:['’]s| is| was|:)|[Cc]all me|called|[Tt]his is|amed|['’]m|I am|appelle|nombre es|llamo|heiße|Name ist|chiamo|nome é|naam is|ik ben|nazywam się|imię"
        r"|(?:[Nn]ame|ombre|Nom|holder|atient|pplicant|mployee|ustomer|lient|uthor|ender|ecipient|ontact|enant|andlord|anager|urse|hysician|tudent|eacher|arent|uardian|pouse|upervisor|ttendees?|[Bb]y|igned|itness|uyer|eller|andidate|nterviewer|From|To|Cc|CC)\s?(?:[Nn]ame)?\s{0,2}[:=])\s{0,3}[\"'*_]{0,3}\p{Lu}",
        must=("my name is «Ines van der Molen» and", "Patient: «Ines Molen»", "call me «Ines»"),
        must_not=("my name is not important", "call me later"), group=1, judge=_name(0.9),
    ),
    Recognizer(
        "name_field", "PERSON", 1, 0.7, _FIELD, r"(?i)(?:name|first|last|given|family|full|middle|maiden|display|real|legal|user|student|patient|customer|employee|contact|author|guest|client)[ _-]?(?:name)?[\"'`]?\s{0,2}(?::|=>?)\s{0,2}[\"'`]",
        must=("User(first='«Ines»', x=1)", '{"full_name": "«ines vandermolen»"}'), must_not=('{"name": "settings file"}', 'name = "value"'),
        group=1, judge=_judge_field,
    ),
    Recognizer(
        "name_introduced_lower", "PERSON", 1, 0.7, _INTRODUCTION_LOWER,
        r"(?i)(?:name|m['’]appelle|llamo|nombre|heiße|chiamo)",
        must=("hi my name is «ines» and i", "my name's «ines molen»"), must_not=("my name is on the list",), group=1,
        judge=_judge_lower,
    ),
    Recognizer(
        "name_relation", "PERSON", 1, 0.7, _RELATION, r"(?i)\bmy\s",
        must=("my sister «Ines» said", "my friend named «Ines Molen»"), must_not=("my sister said",), group=1,
        judge=_name(0.7),
    ),
    Recognizer(
        "name_salutation", "PERSON", 2, 0.8, _SALUTATION,
        r"(?:[Dd]ear|[Hh]i|[Hh]ello|[Hh]ey|Hallo|Bonjour|Hola|Ciao|Estimad[oa]|Querid[oa]|Lieber?|geehrter?|Cher|Chère|morning|afternoon|evening|Congratulations|irthday|bday|Bday|hanks|hank you|hx)\s,?\p{Lu}",
        must=("Dear «Ines»,\nplease",), must_not=("Dear Hiring Manager,",), group=1, judge=_name(0.8),
    ),
    Recognizer(
        "name_signature", "PERSON", 1, 0.8, _SIGNATURE,
        r"(?:egards|est(?: wishes)?|incerely(?: yours)?|truly|faithfully|heers|[Tt]hanks|much|again|advance|hank you|espectfully|ove|ordially|Saludos|Cordialement|Grüßen|Grüße|abrazo|oxo|OXO)\s?[,!.]?\s?\n\s{0,4}[*_-]{0,3}\s?\p{Lu}",
        must=("Best regards,\n«Ines Molen»",), must_not=("Thanks,\nThe Team",), group=1, judge=_name(0.8),
    ),
    Recognizer(
        "name_initial", "PERSON", 1, 0.5, _INITIAL, r"\s\p{Lu}\.?\s\p{Lu}",
        must=("wrote «Ines Q. Molen» once",), must_not=("Plan B is better",), group=1, judge=_name(0.5),
    ),
    Recognizer(
        "name_citation", "PERSON", 1, 0.5, _CITATION, r"\p{L},\s\p{Lu}\.",
        must=("«Vandermolen, I. Q.» (2019)",), must_not=("Springvale, OR",), group=1, judge=_judge_initials,
    ),
    Recognizer(
        "name_initials_first", "PERSON", 1, 0.5, _INITIALS_FIRST, r"\p{Lu}\.\s?\p{Lu}",
        must=("by «I. Vandermolen» again",), must_not=("the U.S. Army",), group=1, judge=_judge_initials,
    ),
)  # fmt: skip
"""Recognisers of this module."""

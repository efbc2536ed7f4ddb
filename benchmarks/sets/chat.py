"""People in ordinary requests to an assistant: full names, given names, lists, signatures, any casing."""

from __future__ import annotations

from benchmarks.sets import people
from benchmarks.sets.draft import Record, fill_rounds

N_ROUNDS = 6
SLOTS = {
    "person": ("PERSON", people.full),
    "given": ("PERSON", people.given),
    "family": ("PERSON", people.family),
    "wordname": ("PERSON", people.word_given),
    "wordfull": ("PERSON", people.word_full),
    "mail": ("EMAIL", people.mail),
    "login": ("USERNAME", people.login),
}
TEMPLATES = [
    "I'm working with {given} on the quarterly deck and she keeps changing the colours. How do I bring it up?",
    "tell dr {family} that I can't make it on thursday, keep it short",
    "Can you rewrite this email?\n\nHi {given1},\n\nfollowing up on the invoice we talked about. {given2} from accounting said it was paid.\n\nThanks,\n{person}",
    "My name is {person} and I'm applying for a barista job. Write me a cover letter.",
    "here is my class list, split them into teams of 3:\n{person}\n{person}\n{person}\n{person}\n{person}\n{person}",
    "students: {given}, {given}, {given}, {given} and {given}. make a seating chart please",
    "{given1}'s mom won't let him come to the party, how do I convince her? {given1} is 12",
    "write a birthday poem for my husband {given}, he likes fishing and old trucks",
    "I had a fight with my best friend {given1} yesterday. {given1} said I never listen.",
    "my neighbour {person} keeps parking in front of my garage. draft a polite letter",
    "Draft a reference letter for {person1}, who worked under me for three years. Mention that {person1|given} led the migration.",
    "please fix grammar: {given} and me was going to the store when we seen {given}",
    "what should I say to {given} after she broke up with me over text",
    "our landlord {person} refuses to fix the heater even though {given} from the agency promised it",
    "Summarize this: On Tuesday {person1} met with {person2} to discuss the lease. {person1|family} asked for a lower deposit; {person2|family} declined.",
    "is {person} a good name for a villain in my short story? i used to know someone called {given}",
    "Write a eulogy for my grandmother {person}. She raised four kids: {given}, {given}, {given} and {given}.",
    "I need a linkedin message to {person} asking about the data analyst opening",
    "{given} told me that {given} is leaving the company, should I tell our manager {given}?",
    "From: {person}\nTo: {person}\nSubject: delay\n\nWe will be two days late. Make this sound nicer.",
    "the defendant, {person1}, claims that {person2} owed him 300 dollars. act as a judge. what would you rule for {person1|family}?",
    "can u help me write a toast? im best man for {given} and {given}, we met in college",
    "How do I pronounce {person}? She's my new supervisor.",
    "my daughter {given1} (7) has trouble reading. {given1} gets frustrated quickly. games for her?",
    "meeting notes: {given} to send budget, {given} to call vendor, {given} out next week. turn into action items",
    "Dear Mr. {family},\n\nI am writing to dispute a charge.\n\nSincerely,\n{person}",
    "hey so {given} and i are planning a trip for {given}'s 30th, ideas?",
    "{person} vs {person} - who would win the student council election if {given} drops out",
    "I go to therapy with dr. {person} and we talked about my brother {given}",
    "could you make a bio for {person}, a dentist who grew up on a farm",
    "coach {family} benched {given} again. is it fair",
    "i love {given} but {given} loves {given}. what do i do",
    "Translate to Spanish: \"Good morning {given}, the package for {person} has arrived.\"",
    "add {person} ({mail}) and {person} to the invite",
    "email {mail} and cc {given}",
    "this is {given} again. continue the story from before",
    "Make a thank you card for professor {family} and her assistant {given}",
    "i'm {given}, 24, nurse. suggest a dating profile",
    "call me {given} from now on ok?",
    "The kids ({given}, {given} & {given}) need costumes for the school play",
    "so basically {given} ghosted me. {given} says to move on",
    "In the play, my cousin {person} has the lead. Write a review that praises {person}'s acting.",
    "Patient {person}, 54, reports chest pain since Monday. Write a SOAP note.",
    "Roommate agreement between {person} and {person} for the flat, split rent 60/40",
    "{given}: hey are you coming\n{login}: maybe later\ncontinue this conversation",
    "ask {wordname} to bring the speakers, and tell {wordname} the party starts at 8",
    "My aunt {wordname} makes the best lasagna, can you guess the recipe?",
    "Interview questions for {wordfull}, who applied for the night shift",
    "Signed by {wordfull} and witnessed by {person}",
    "why did {given} tag me? my user is {login}",
    "My boss is called {person} but everyone says {given}.",
    "what does it mean when a guy named {given} keeps looking at you",
    "The complaint was filed by {person}, {person} and {person} last spring.",
    "Gracias, soy {person} y necesito una carta para mi jefe {given}",
    "Bonjour, je m'appelle {person} et je cherche un stage",
    "Mein Chef heißt {person}, schreib ihm eine Absage",
    "help me roleplay: you are {given}, my ex, and I am {given}",
    "The will of {person1} leaves the house to {given}. Is {person1|given}'s signature enough?",
    "grade this essay by {person}: 'The sea was calm.'",
    "who is responsible if {given} slipped on {family}'s driveway",
]  # fmt: skip


def generate(seed: int) -> list[Record]:
    """Return texts in three casings: as written, all lower, and a few in capitals."""
    return fill_rounds("chat", TEMPLATES, SLOTS, seed, N_ROUNDS, 0.35, 0.03)

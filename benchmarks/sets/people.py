"""Names of many origins, as people write them in chats. Combinations are random; nobody is meant."""

from __future__ import annotations

import random

_NAMES: dict[str, tuple[str, str]] = {
    "english": (
        "Oliver Harriet Callum Imogen Declan Tamsin Brandon Kayleigh Travis Shelby Dwayne Latoya Jamal Keisha Wyatt Brooke",
        "Hargreaves Pemberton Whitlock Ashworth Dunleavy Kowalchuk Satterfield Broussard Lockhart Tillman Rutledge McAllister O'Rourke Fitzgibbon",
    ),
    "indian": (
        "Priya Arjun Sneha Rohan Lakshmi Vikram Ananya Siddharth Kavya Harpreet Meenakshi Tanvi Aditya Ishaan Poonam Deepak",
        "Raghavan Chatterjee Deshmukh Iyer Bhattacharya Venkatesan Kulkarni Aggarwal Subramanian Sandhu Mukherjee Nair Reddy Joshi",
    ),
    "nigerian": (
        "Chidi Ngozi Adebayo Funmilayo Emeka Yetunde Obinna Amaka Tunde Ifeoma Segun Chiamaka Kelechi Folake",
        "Okafor Adeyemi Nwosu Balogun Eze Ogunleye Chukwu Obi Adichie Onyekachi Akande Uzodinma",
    ),
    "spanish": (
        "Joaquín Lucía Álvaro Ximena Mateo Guadalupe Íñigo Araceli Rodrigo Maribel Esteban Yolanda Fernanda Ulises",
        "Villanueva Echeverría Zambrano Quintanilla Ocampo Arriaga Bermúdez Castañeda Montoya Salcedo Urrutia Peralta",
    ),
    "chinese": (
        "Xiaoming Yuqing Jiahao Meiling Zhiwei Ruoxi Haoran Lihua Xinyi Guowei Wenjing Shuai",
        "Zhang Huang Xu Zhou Guo Lin Tang Deng Xie Feng Cai Lu",
    ),
    "korean": ("Minjun Seoyeon Jiwoo Hyunwoo Soojin Eunji Taehyun Yoonah", "Kwon Hwang Seo Baek Noh Yoon Jang Shin"),
    "vietnamese": ("Thuy Quang Linh Trang Duc Phuong Hieu Ngoc", "Nguyen Pham Tran Bui Dang Vo Huynh Truong"),
    "arabic": (
        "Khalid Fatima Youssef Noura Tariq Layla Mahmoud Samira Hamza Zainab Bilal Rania",
        "Al-Rashid Haddad Mansour El-Sayed Khoury Najjar Benali Bouzid Al-Farsi Darwish",
    ),
    "turkish": ("Emre Elif Burak Zeynep Mert Aylin Kerem Derya", "Yilmaz Demirci Kaplan Aydin Ozturk Arslan Korkmaz Tekin"),
    "japanese": ("Haruto Sakura Kenji Yumiko Takeshi Aiko Daisuke Naomi", "Tanaka Fujimoto Kobayashi Nishimura Ishikawa Matsuda Ueda"),
    "slavic": (
        "Mikhail Oksana Bartosz Katarzyna Zdeněk Ludmila Dragan Milica Andrei Svetlana Wojciech Agnieszka",
        "Kuznetsov Shevchenko Wiśniewski Kovalenko Dvořák Petrović Novotný Lewandowska Sokolov Zielińska Horvat",
    ),
    "german": ("Jürgen Annika Torsten Heike Matthias Liesl Uwe Friederike", "Schwarzkopf Brandt Köhler Lindemann Vogelsang Obermeier Kruse"),
    "french": ("Aurélie Thibault Océane Guillaume Maëlys Rémi Solène Bastien", "Lefebvre Beaumont Charpentier Delacroix Girard Rousselot Marchand"),
    "nordic": ("Astrid Bjørn Linnea Sven Ingrid Mikkel Freja Aksel", "Lindqvist Johansen Halvorsen Bergström Nygaard Rasmussen Korhonen"),
    "portuguese": ("Thiago Beatriz Gonçalo Rafaela Caio Mariana João Luana", "Figueiredo Carvalho Nascimento Teixeira Magalhães Pacheco Siqueira"),
    "pacific": ("Kalani Malia Tevita Sione Leilani Jomar Analyn Rizza", "Kealoha Tuipulotu Faleolo Dimaculangan Bautista Macaraeg Pangilinan"),
    "african": ("Thabo Nomvula Wanjiru Kamau Abena Kwame Tsegaye Hiwot", "Dlamini Mokoena Njoroge Mwangi Boateng Mensah Tadesse Ndlovu"),
}  # fmt: skip
_TABLE = [(given.split(), family.split()) for given, family in _NAMES.values()]
_WORD_NAMES = ["Rose", "Grace", "Hope", "Mark", "Jordan", "Faith", "Dawn", "Amber", "Chase", "Hunter", "Summer", "Sky", "Angel", "Jade"]  # fmt: skip


def given(rng: random.Random) -> str:
    """Return a given name."""
    return rng.choice(rng.choice(_TABLE)[0])


def family(rng: random.Random) -> str:
    """Return a surname."""
    return rng.choice(rng.choice(_TABLE)[1])


def full(rng: random.Random) -> str:
    """Return given name and surname, at times with a second surname, an initial or a hyphen."""
    first, last = rng.choice(_TABLE)
    name, surname = rng.choice(first), rng.choice(last)
    kind = rng.random()
    if kind < 0.06:
        return f"{name} {rng.choice('ABCDEFGHJKLMNPRSTW')}. {surname}"
    if kind < 0.12:
        return f"{name} {surname}-{rng.choice(last)}"
    if kind < 0.18:
        return f"{name} {rng.choice(first)} {surname}"
    if kind < 0.22:
        return f"{name} {rng.choice(['de', 'van', 'von', 'da', 'bin'])} {surname}"
    return f"{name} {surname}"


def word_given(rng: random.Random) -> str:
    """Return a given name that is also an English word."""
    return rng.choice(_WORD_NAMES)


def word_full(rng: random.Random) -> str:
    """Return a given name that is also a word, with a surname."""
    return f"{word_given(rng)} {family(rng)}"


def login(rng: random.Random) -> str:
    """Return an account name."""
    a, b = plain(given(rng)), plain(family(rng))
    n = rng.randint(1, 99)
    adjective = rng.choice(["lazy", "cosmic", "tiny", "neon", "salty", "sleepy", "mad", "real"])
    thing = rng.choice(["otter", "pixel", "noodle", "falcon", "toast", "wizard", "cactus", "moth"])
    return rng.choice([f"{a}_{b}", f"{a}{n}", f"{adjective}{thing}{n}", f"{a}.{b}{n}", f"its{a}", f"{adjective}_{thing}", f"x{thing}x"])  # fmt: skip


def mail(rng: random.Random) -> str:
    """Return a mail address of an invented host."""
    a, b = plain(given(rng)), plain(family(rng))
    host = rng.choice(["quillbrook.org", "norvane.co.uk", "tessalab.io", "mailbox.example", "uni-falkental.de", "hollowpine.com", "kiteworks.net"])  # fmt: skip
    return rng.choice([f"{a}.{b}", f"{a[0]}{b}", f"{a}{rng.randint(1, 99)}", f"{b}_{a}"]) + "@" + host


def plain(name: str) -> str:
    """Return the ASCII letters of a name in lower case."""
    import unicodedata

    return "".join(c for c in unicodedata.normalize("NFD", name.lower()) if c.isascii() and c.isalpha())

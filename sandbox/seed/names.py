"""Whom the seeded newsroom has as readers. Every name is put together by chance; every address is at a domain that
nobody can own (RFC 2606)."""

from __future__ import annotations

import random
import re
import unicodedata
from dataclasses import dataclass


def _words(text: str) -> list[str]:
    return text.split()


_FIRST = _words(
    "Ada Aisha Alba Amara Amos Ana Anouk Arjun Astrid Ayo Bao Beatriz Benoît Camille Carlos Chidi Clara Dagny "
    "Daniel Dina Elif Elsa Emeka Esther Farid Fatou Femi Finn Freya Gabriel Giulia Grace Hana Hassan Hélène Hugo "
    "Ibrahim Ines Ingrid Ivan Jakob Jamila João José Joy Jun Kaito Karim Kofi Lars Layla Leïla Lena Liam Lin "
    "Lucía Magnus Mai Malik Marta Mateo Mei Mina Miriam Nadia Naoko Nils Noor Olga Omar Oona Pavel Petra Priya "
    "Rafael Ravi Rosa Ruth Sami Sanna Sofía Solveig Tariq Tess Thandi Tomás Uma Vera Viktor Wanda Yara Yusuf Zoë"
)
_LAST = _words(
    "Abara Adeyemi Almeida Andersson Aoki Bakker Baran Bianchi Blum Castro Chandra Costa Dahl Demir Diallo Duarte "
    "Dupont Eriksen Farkas Ferrari Fischer Fontaine Gallo García Gruber Haddad Hansen Hoang Ibsen Ito Jansen "
    "Jensen Joshi Kaya Keller Khan Kim Klein Kovács Laurent Lindqvist López Lund Marchetti Mbeki Meyer Moreau "
    "Mori Mwangi Nakamura Ndiaye Nguyen Novák Nowak Nyström Okafor Okoye Olsen Osei Park Patel Petrov Pham "
    "Popescu Quist Rahman Ramos Reyes Ricci Rossi Roux Saito Salazar Santos Sato Schäfer Schmid Sharma Silva "
    "Sørensen Svoboda Takeda Tanaka Toure Tran Ueda Vargas Vega Virtanen Vogel Wagner Wolff Yamada Yilmaz Zeller "
    "Zhou"
)
_DOMAINS = (
    "example.com", "example.org", "example.net", "mail.example", "post.example", "inbox.example", "courrier.example",
)  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """One reader. `card` is a number that pays and that nobody else has."""

    number: int
    reader_id: str
    visitor_id: str
    name: str
    email: str
    card: str


def readers(count: int, seed: int) -> list[Reader]:
    """Return the same readers for the same seed, those of a smaller count first."""
    dice, taken = random.Random(f"names {seed}"), set[str]()
    return [_reader(number, seed, dice, taken) for number in range(count)]


def _reader(number: int, seed: int, dice: random.Random, taken: set[str]) -> Reader:
    first, last = dice.choice(_FIRST), dice.choice(_LAST)
    email = _address(first, last, dice)
    while email in taken:
        email = email.replace("@", f"{dice.randrange(10)}@")
    taken.add(email)
    return Reader(
        number=number, reader_id=f"reader-{seed}-{number + 1:04}", visitor_id=f"browser-{seed}-{number + 1:04}",
        name=f"{first} {last}", email=email, card=_card(seed, number),
    )  # fmt: skip


def _address(first: str, last: str, dice: random.Random) -> str:
    first, last = _plain(first), _plain(last)
    local = dice.choice((f"{first}.{last}", f"{first[0]}.{last}", f"{first}{last}", f"{last}.{first}", first))
    return f"{local}@{dice.choice(_DOMAINS)}"


def _plain(name: str) -> str:
    """Return the name as an address has it: lower case, without accents."""
    bare = unicodedata.normalize("NFKD", name.replace("ø", "o"))
    return re.sub(r"[^a-z]", "", bare.lower())


def _card(seed: int, number: int) -> str:
    """Return a number of the stand-in's paying kind, with its check digit (ISO/IEC 7812-1)."""
    digits = f"424242{seed % 10_000:04}{number:05}"
    doubled = sum(sum(divmod(2 * int(each), 10)) for each in digits[::-2])
    return f"{digits}{-(doubled + sum(int(each) for each in digits[-2::-2])) % 10}"

"""Facts about the world as records and as sentences; read from data/facts.

>>> world = load(Path("data/facts"))
>>> world.capital(world.countries[0])
'The capital of China is Beijing.'
"""

import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import msgspec

from llm_eval.datasets.generate.questions.item import sentence
from llm_eval.errors import DatasetError

R = TypeVar("R", bound="msgspec.Struct")
# GeoNames and IANA name these differently from most programs of today or yesterday.
TIMEZONE_ALSO = {
    "Asia/Kathmandu": "Asia/Katmandu",
    "Asia/Kolkata": "Asia/Calcutta",
    "Asia/Yangon": "Asia/Rangoon",
    "Europe/Kyiv": "Europe/Kiev",
}


def bare(text: str) -> str:
    """Without diacritics."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(c for c in parts if not unicodedata.combining(c))


class Country(msgspec.Struct, frozen=True):
    """A sovereign country; what is ambiguous is None."""

    code: str
    alpha_3: str
    numeric: str
    name: str
    in_text: str
    """With `the` where the name takes it."""
    aliases: tuple[str, ...]
    official: str | None
    capital: str | None
    capital_aliases: tuple[str, ...]
    capital_timezone: str | None
    continent: str | None
    population: int
    area_km2: int
    tld: str
    calling_code: str | None
    currency: str | None
    neighbours: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Accepted answers where the country is asked for."""
        return (self.name, *self.aliases)

    @property
    def official_names(self) -> tuple[str, ...]:
        """Accepted answers where the official name is asked for."""
        official = str(self.official)
        return (official, *(a for a in self.aliases if a != official and bare(a) == bare(official)))

    @property
    def capital_names(self) -> tuple[str, ...]:
        """Accepted answers where the capital is asked for."""
        return (str(self.capital), *self.capital_aliases)


class City(msgspec.Struct, frozen=True):
    """A city whose name no other has."""

    name: str
    aliases: tuple[str, ...]
    country: str
    population: int
    timezone: str

    @property
    def names(self) -> tuple[str, ...]:
        """Accepted answers where the city is asked for."""
        return (self.name, *self.aliases)


class Subdivision(msgspec.Struct, frozen=True):
    """A state, province, region, …."""

    code: str
    name: str
    type: str
    country: str


class Currency(msgspec.Struct, frozen=True):
    """A currency with its ISO 4217 codes."""

    code: str
    numeric: str
    name: str
    aliases: tuple[str, ...]


class Language(msgspec.Struct, frozen=True):
    """A language with its ISO 639-1 and 639-3 codes."""

    code: str
    alpha_3: str
    name: str


class Script(msgspec.Struct, frozen=True):
    """A writing system with its ISO 15924 code."""

    code: str
    name: str


@dataclass(frozen=True)
class World:
    """All records, the best known first where there is such an order."""

    countries: tuple[Country, ...]
    cities: tuple[City, ...]
    subdivisions: tuple[Subdivision, ...]
    currencies: tuple[Currency, ...]
    languages: tuple[Language, ...]
    scripts: tuple[Script, ...]

    @cached_property
    def by_code(self) -> dict[str, Country]:
        """ISO 3166-1 alpha-2 code to country."""
        return {c.code: c for c in self.countries}

    @cached_property
    def money(self) -> dict[str, Currency]:
        """ISO 4217 code to currency."""
        return {c.code: c for c in self.currencies}

    @cached_property
    def only_user(self) -> dict[str, Country]:
        """Currency code to the one country that uses it, where there is one."""
        uses = Counter(c.currency for c in self.countries)
        return {str(c.currency): c for c in self.countries if c.currency and uses[c.currency] == 1}

    def currency_names(self, country: Country) -> tuple[str, ...]:
        """Accepted names of its currency; the code is one."""
        money = self.money[str(country.currency)]
        return (money.name, *money.aliases, money.code)

    # The sentences. One fact always has the same sentence, so that splits can be kept apart by it.

    def capital(self, c: Country) -> str:
        """Capital of a country."""
        return f"The capital of {c.in_text} is {c.capital}."

    def official(self, c: Country) -> str:
        """Official name of a country."""
        return f"The official name of {c.in_text} is {c.official}."

    def currency(self, c: Country) -> str:
        """Currency of a country, with its code."""
        return f"{sentence(c.in_text)} uses the {self.money[str(c.currency)].name} ({c.currency})."

    def codes(self, c: Country) -> str:
        """ISO 3166-1 codes of a country."""
        return (
            f"{sentence(c.in_text)} has the ISO 3166-1 codes {c.code}, {c.alpha_3} and {c.numeric}."
        )

    def calling(self, c: Country) -> str:
        """Telephone code of a country."""
        return f"The calling code of {c.in_text} is +{c.calling_code}."

    def tld(self, c: Country) -> str:
        """Internet domain of a country."""
        return f"The top-level domain of {c.in_text} is {c.tld}."

    def continent(self, c: Country) -> str:
        """Continent of a country."""
        return f"{sentence(c.in_text)} is in {c.continent}."

    def population(self, c: Country | City) -> str:
        """Inhabitants of a country or city."""
        name = c.in_text if isinstance(c, Country) else c.name
        return f"{sentence(name)} has {c.population:,} inhabitants."

    def area(self, c: Country) -> str:
        """Area of a country."""
        return f"{sentence(c.in_text)} covers {c.area_km2:,} square kilometres."

    def only_neighbour(self, c: Country) -> str:
        """The one country that borders another."""
        other = self.by_code[c.neighbours[0]]
        return f"{sentence(c.in_text)} has a land border with {other.in_text} and no other country."

    def borders(self, c: Country) -> str:
        """All neighbours of a country."""
        others = [self.by_code[n].in_text for n in c.neighbours if n in self.by_code]
        return f"{sentence(c.in_text)} borders {', '.join(others)}."

    def city(self, c: City) -> str:
        """Country of a city."""
        return f"{c.name} is a city in {self.by_code[c.country].in_text}."

    def timezone(self, name: str, zone: str) -> str:
        """IANA zone of a city."""
        return f"The IANA time zone of {name} is {zone}."

    def subdivision(self, s: Subdivision) -> str:
        """Kind, country and ISO 3166-2 code of a subdivision."""
        country = self.by_code[s.country].in_text
        article = "an" if s.type[0] in "AEIOU" else "a"
        return f"{s.name} ({s.code}) is {article} {s.type.lower()} of {country}."

    def currency_code(self, c: Currency) -> str:
        """ISO 4217 codes of a currency."""
        return f"The {c.name} has the ISO 4217 codes {c.code} and {c.numeric}."

    def language(self, s: Language) -> str:
        """ISO 639 codes of a language."""
        return f"{s.name} has the ISO 639 codes {s.code} and {s.alpha_3}."

    def script(self, s: Script) -> str:
        """ISO 15924 code of a script."""
        return f"The {s.name} script has the ISO 15924 code {s.code}."


def load(folder: Path) -> World:
    """The facts under `folder`.

    Raises:
        DatasetError: a file is missing or does not fit; names it.
    """
    return World(
        _read(folder, "countries", Country),
        _read(folder, "cities", City),
        _read(folder, "subdivisions", Subdivision),
        _read(folder, "currencies", Currency),
        _read(folder, "languages", Language),
        _read(folder, "scripts", Script),
    )


def _read(folder: Path, name: str, record: type[R]) -> tuple[R, ...]:
    path = folder / f"{name}.jsonl"
    try:
        return tuple(msgspec.json.Decoder(record).decode_lines(path.read_bytes()))
    except (OSError, msgspec.MsgspecError) as exc:
        raise DatasetError(f"{path}: {exc}; write it with scripts/extract_facts.py") from exc

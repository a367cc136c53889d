"""Kinds that need several facts in a row, or facts about several things.

Which currency is used in the country whose capital is Warsaw?  →  Zloty
"""

from collections import Counter
from itertools import pairwise
from random import Random
from typing import Any

from llm_eval.datasets.generate.questions.facts import City, Country, Subdivision, World
from llm_eval.datasets.generate.questions.factual import calling_names, code_unique, zone_names
from llm_eval.datasets.generate.questions.item import (
    Item,
    Kind,
    joined,
    number,
    pick,
    sample,
    sentence,
    shuffled,
)
from llm_eval.datasets.generate.questions.lookups import Comparison, Lookup


def kinds(world: World) -> list[Kind]:
    """Every multi-hop kind."""
    return [
        *_from_capital(world),
        *_from_city(world),
        *_from_code(world),
        *_comparisons(world),
        Kind("same_currency", lambda rng, context: _same(world, rng, context, "currency")),
        Kind("same_continent", lambda rng, context: _same(world, rng, context, "continent")),
        Kind("largest_of_cities", lambda rng, context: _largest(world, rng, context), True),
        Kind("calling_code_sum", lambda rng, context: _code_sum(world, rng, context), True),
        Kind("on_continent", lambda rng, context: _on_continent(world, rng, context)),
    ]


def _telling(world: World, *needed: str) -> list[Country]:
    """Countries that have all that is needed and a capital that does not name them."""
    return [
        c
        for c in world.countries
        if c.capital
        and c.name not in c.capital
        and all(getattr(c, attribute) is not None for attribute in needed)
    ]


def _from_capital(world: World) -> list[Kind]:
    def capital(c: Country) -> str:
        return str(c.capital)

    lookups = [
        Lookup("capital_currency", _telling(world, "currency"), capital,
            lambda c: [world.capital(c), world.currency(c)], world.currency_names, (
                "Which currency is used in the country whose capital is {x}?",
                "{x} is a capital. What is that country's currency?",
                "What is the currency of the country governed from {x}?")),
        Lookup("capital_currency_code", _telling(world, "currency"), capital,
            lambda c: [world.capital(c), world.currency(c)], lambda c: (str(c.currency),), (
                "What is the ISO 4217 currency code of the country with the capital {x}?",
                "Prices in the country whose capital is {x} carry which ISO currency code?",
                "{x} is a national capital; by which ISO code is the money there known?")),
        Lookup("capital_tld", _telling(world), capital,
            lambda c: [world.capital(c), world.tld(c)], lambda c: (c.tld, c.tld[1:]), (
                "Which top-level domain has the country whose capital is {x}?",
                "{x} is a capital. Which internet domain ending does its country have?",
                "What is the internet domain of the state whose capital is {x}?")),
        Lookup("capital_alpha_3", _telling(world), capital,
            lambda c: [world.capital(c), world.codes(c)], lambda c: (c.alpha_3,), (
                "What is the ISO 3166-1 alpha-3 code of the country whose capital is {x}?",
                "{x} is a capital. Which three-letter ISO code has its country?",
                "Give the three ISO letters of the country with {x} as capital.")),
        Lookup("capital_calling", _telling(world, "calling_code"), capital,
            lambda c: [world.capital(c), world.calling(c)],
            lambda c: calling_names(str(c.calling_code)), (
                "What is the calling code of the country whose capital is {x}?",
                "Which country code do you dial to phone someone in {x}, a national capital?",
                "{x} is a capital. Phone numbers of its country begin with which code?")),
        Lookup("capital_official", [
                c for c in _telling(world, "official") if c.name not in str(c.official)], capital,
            lambda c: [world.capital(c), world.official(c)],
            lambda c: c.official_names, (
                "What is the official name of the country whose capital is {x}?",
                "{x} is a capital. How is its country called officially?"), held_out=True),
    ]  # fmt: skip
    return [lookup.kind() for lookup in lookups]


def _from_city(world: World) -> list[Kind]:
    def home(place: City | Subdivision) -> Country:
        return world.by_code[place.country]

    def name(place: City | Subdivision) -> str:
        return place.name

    def having(attribute: str) -> list[City]:
        return [
            c
            for c in world.cities
            if getattr(home(c), attribute) is not None and c.name != home(c).capital
        ]

    parts = sorted(
        (s for s in world.subdivisions if home(s).capital), key=lambda s: -home(s).population
    )
    lookups: list[Lookup[Any]] = [
        Lookup("city_calling", having("calling_code"), name,
            lambda c: [world.city(c), world.calling(home(c))],
            lambda c: calling_names(str(home(c).calling_code)), (
                "What is the calling code of the country where the city {x} is?",
                "To phone {x} from abroad, which country code comes first?",
                "Which telephone country code has the country in which {x} lies?")),
        Lookup("city_currency", having("currency"), name,
            lambda c: [world.city(c), world.currency(home(c))],
            lambda c: world.currency_names(home(c)), (
                "Which currency do you pay with in {x}?",
                "What is the currency of the country where {x} lies?",
                "A shop in {x} takes the national currency: which is that?")),
        Lookup("city_capital", having("capital"), name,
            lambda c: [world.city(c), world.capital(home(c))], lambda c: home(c).capital_names, (
                "What is the capital of the country in which {x} lies?",
                "{x} is a city. Which city is the capital of its country?",
                "Which capital city governs the country that {x} is in?")),
        Lookup("city_alpha_3", list(world.cities), name,
            lambda c: [world.city(c), world.codes(home(c))], lambda c: (home(c).alpha_3,), (
                "What is the three-letter ISO code of the country where {x} lies?",
                "{x} is in a country with which ISO 3166-1 alpha-3 code?")),
        Lookup("city_tld", list(world.cities), name,
            lambda c: [world.city(c), world.tld(home(c))],
            lambda c: (home(c).tld, home(c).tld[1:]), (
                "A business in {x} takes its country's internet domain: which ending is that?",
                "What is the top-level domain of the country that contains {x}?"), held_out=True),
        Lookup("subdivision_capital", parts, name,
            lambda s: [world.subdivision(s), world.capital(home(s))],
            lambda s: home(s).capital_names, (
                "What is the capital of the country that {x} is a part of?",
                "{x} is a first-level subdivision. What is the national capital?")),
        Lookup("subdivision_currency", [s for s in parts if home(s).currency], name,
            lambda s: [world.subdivision(s), world.currency(home(s))],
            lambda s: world.currency_names(home(s)), (
                "Which currency is used in the country to which {x} belongs?",
                "{x} is a state, province or region. What is the currency there?")),
    ]  # fmt: skip
    return [lookup.kind() for lookup in lookups]


def _from_code(world: World) -> list[Kind]:
    lone = [c for c in world.only_user.values() if c.capital]
    formal = [c for c in world.countries if c.official and c.name not in c.official and c.capital]
    lookups = [
        Lookup("alpha_3_continent", [c for c in world.countries if c.continent],
            lambda c: c.alpha_3, lambda c: [world.codes(c), world.continent(c)],
            lambda c: (str(c.continent),), (
                "On which continent is the country with the ISO code {x}?",
                "{x} is an ISO 3166-1 code. On which continent is that country?")),
        Lookup("tld_calling", [c for c in world.countries if c.calling_code],
            lambda c: c.tld, lambda c: [world.tld(c), world.calling(c)],
            lambda c: calling_names(str(c.calling_code)), (
                "What is the calling code of the country with the top-level domain {x}?",
                "Web addresses end in {x} in a country with which calling code?")),
        Lookup("tld_capital", [c for c in world.countries if c.capital],
            lambda c: c.tld, lambda c: [world.tld(c), world.capital(c)],
            lambda c: c.capital_names, (
                "What is the capital of the country with the top-level domain {x}?",
                "Which capital belongs to the country of the domain {x}?")),
        Lookup("currency_code_capital", lone, lambda c: str(c.currency),
            lambda c: [world.currency(c), world.capital(c)], lambda c: c.capital_names, (
                "What is the capital of the country whose currency has the code {x}?",
                "{x} is the code of a national currency. Which capital has that country?")),
        Lookup("calling_capital", [c for c in code_unique(world) if c.capital],
            lambda c: f"+{c.calling_code}", lambda c: [world.calling(c), world.capital(c)],
            lambda c: c.capital_names, (
                "What is the capital of the country with the calling code {x}?",
                "A phone number starts with {x}. What is the capital of its country?"),
            held_out=True),
        Lookup("official_capital", formal, lambda c: f"the {c.official}",
            lambda c: [world.official(c), world.capital(c)], lambda c: c.capital_names, (
                "What is the capital of {x}?", "Which city is the seat of {x} as its capital?")),
        Lookup("alpha_2_capital_zone", [c for c in world.countries if c.capital_timezone and c.code != "VN"],
            lambda c: c.code, lambda c: [world.codes(c), world.capital(c),
                world.timezone(str(c.capital), str(c.capital_timezone))],
            lambda c: zone_names(str(c.capital_timezone)), (
                "Which IANA time zone has the capital of the country with the ISO code {x}?",
                "Country {x} in ISO 3166-1 has a capital in which tz database zone?")),
    ]  # fmt: skip
    return [lookup.kind() for lookup in lookups]


def _comparisons(world: World) -> list[Kind]:
    capitals = _telling(world)
    abroad = [c for c in world.cities if c.name not in world.by_code[c.country].capital_names]
    return [
        Comparison("capital_of_more_populous", capitals, lambda c: str(c.capital),
            lambda c: [world.capital(c), world.population(c)], lambda c: c.capital_names,
            lambda c: c.population, (
                "Which of the capitals {a} and {b} is in the more populous country?",
                "{a} and {b} are capitals. Which one's country has more inhabitants?",
                "Of the countries with the capitals {a} and {b}, the more populous has which capital?"),
            "{x} is the capital of the more populous country.").kind(),
        Comparison("city_in_larger_country", abroad, lambda c: c.name,
            lambda c: [world.city(c), world.area(world.by_code[c.country])], lambda c: c.names,
            lambda c: world.by_code[c.country].area_km2, (
                "Which city is in the country with the larger area, {a} or {b}?",
                "{a} and {b} lie in different countries. Which city is in the larger one by area?",
                "Of {a} and {b}, which one lies in the country that covers more land?"),
            "{x} is in the larger country.").kind(),
        Comparison("country_of_more_populous_capital", capitals, lambda c: str(c.capital),
            lambda c: [world.capital(c), world.population(c)], lambda c: c.names,
            lambda c: c.population, (
                "{a} and {b} are capitals. Name the country of the two with more inhabitants.",
                "Name the more populous of the countries whose capitals are {a} and {b}."),
            "Of the two, {x} has more inhabitants.", held_out=True).kind(),
    ]  # fmt: skip


def _same(world: World, rng: Random, with_context: bool, what: str) -> Item | None:
    """Whether two countries, named by their capitals, share a currency or continent."""
    pool = _telling(world, what)
    if what == "currency":  # one currency under two names is a matter of opinion
        pool = [c for c in pool if c.currency not in ("XAF", "XOF")]
    wanted = rng.random() < 0.5
    uses = Counter(getattr(c, what) for c in pool)
    a = pick(rng, [c for c in pool if uses[getattr(c, what)] > 1 or not wanted])
    others = [c for c in pool if c is not a and (getattr(c, what) == getattr(a, what)) == wanted]
    if not others:
        return None
    b = pick(rng, others)
    state = world.currency if what == "currency" else world.continent
    facts = [world.capital(a), state(a), world.capital(b), state(b)]
    answer = "yes" if wanted else "no"
    verb, noun = ("use", "currency") if what == "currency" else ("lie on", "continent")
    shared = f"{a.in_text} and {b.in_text} {verb} the same {noun}: {answer}"
    phrasings = (
        "Do the countries with the capitals {a} and {b} {v} the same {n}?",
        "{a} and {b} are capitals. Do their countries {v} the same {n}, yes or no?",
        "Yes or no: the countries governed from {a} and {b} {v} one {n}.",
    )
    question = rng.choice(phrasings).format(a=a.capital, b=b.capital, v=verb, n=noun)
    key = "|".join(sorted((a.code, b.code)))
    context = _context(world, rng, facts) if with_context else ()
    evidence = (*facts, sentence(shared))
    return Item(key, question, (answer,), evidence, context, "boolean")


def _largest(world: World, rng: Random, with_context: bool) -> Item | None:
    """Capital of the most or least populous of the countries in which three cities lie."""
    three = [pick(rng, world.cities) for _ in range(3)]
    homes = sorted((world.by_code[c.country] for c in three), key=lambda c: c.population)
    word = rng.choice(("most", "least"))
    home = homes[-1 if word == "most" else 0]
    clear = all(2 * a.population <= b.population for a, b in pairwise(homes))
    if not clear or home.capital is None or any(c.name in home.capital_names for c in three):
        return None
    facts = [world.city(c) for c in three] + [world.population(c) for c in homes]
    decoys = [world.capital(c) for c in homes if c.capital and c is not home]
    names = joined([c.name for c in three])
    question = rng.choice((
        "{x} lie in three countries. What is the capital of the {w} populous of them?",
        "Take the countries of {x}. What is the capital of the {w} populous one?",
    )).format(x=names, w=word)  # fmt: skip
    facts.append(world.capital(home))
    context = _context(world, rng, facts + decoys) if with_context else ()
    key = "|".join(sorted(c.name for c in three))
    return Item(key, question, home.capital_names, tuple(facts), context)


def _code_sum(world: World, rng: Random, with_context: bool) -> Item | None:
    """The sum of the calling codes of two countries named by their capitals."""
    a, b = (pick(rng, _telling(world, "calling_code")) for _ in range(2))
    if a is b:
        return None
    x, y = int(str(a.calling_code)), int(str(b.calling_code))
    facts = [world.capital(a), world.calling(a), world.capital(b), world.calling(b)]
    question = rng.choice((
        "Add the calling codes of the countries with the capitals {a} and {b}. What is the sum?",
        "{a} and {b} are capitals. What do the calling codes of their countries add up to?",
    )).format(a=a.capital, b=b.capital)  # fmt: skip
    context = _context(world, rng, facts) if with_context else ()
    key = "|".join(sorted((a.code, b.code)))
    evidence = (*facts, f"{x} + {y} = {x + y}")
    return Item(key, question, number(x + y), evidence, context, "number")


def _on_continent(world: World, rng: Random, with_context: bool) -> Item | None:
    """Which one of three capitals is on a continent."""
    pool = _telling(world, "continent")
    right = pick(rng, pool)
    wrong = [c for c in pool if c.continent != right.continent]
    options = shuffled(rng, [right, *sample(rng, wrong[:90], 2)])
    facts = [f for c in options for f in (world.capital(c), world.continent(c))]
    question = rng.choice((
        "Which of the capitals {a}, {b} and {c} belongs to a country in {x}?",
        "One of {a}, {b} and {c} is the capital of a country in {x}. Which?",
        "Among {a}, {b} and {c}, name the capital of a country in {x}.",
    ))  # fmt: skip
    a, b, c = (option.capital for option in options)
    text = question.format(a=a, b=b, c=c, x=right.continent)
    context = _context(world, rng, facts) if with_context else ()
    key = "|".join(sorted(option.code for option in options))
    return Item(key, text, right.capital_names, tuple(facts), context, "choice")


def _context(world: World, rng: Random, facts: list[str]) -> tuple[str, ...]:
    """The facts among others of the same relations."""
    pool = _telling(world, "currency", "continent", "calling_code")
    lines = list(facts)
    for c in sample(rng, pool, 2):
        tell = rng.choice((world.currency, world.continent, world.calling, world.population))
        lines += [world.capital(c), tell(c)]
    return tuple(shuffled(rng, dict.fromkeys(lines)))

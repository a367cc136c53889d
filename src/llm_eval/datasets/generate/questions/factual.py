"""Factual kinds: one fact about a country, city, subdivision, currency, language or script.

What is the capital of Chile?  →  Santiago
"""

from collections import Counter
from random import Random

from llm_eval.datasets.generate.questions.facts import (
    TIMEZONE_ALSO,
    City,
    Country,
    Currency,
    Subdivision,
    World,
)
from llm_eval.datasets.generate.questions.item import Item, Kind, pick, sample, sentence, shuffled
from llm_eval.datasets.generate.questions.lookups import Comparison, Lookup

# Land borders that are disputed, lie overseas, or are counted by some sources only.
_ODD_BORDERS = ("US", "CU", "ES", "MA", "FR", "NL", "DK", "CA", "IL", "EG", "RS", "AL", "KE", "GB")


def kinds(world: World) -> list[Kind]:
    """Every factual kind."""
    return [
        *_country_kinds(world),
        *_reverse_kinds(world),
        *_code_kinds(world),
        *_place_kinds(world),
        *_comparison_kinds(world),
        Kind("bordering_country", lambda rng, context: _bordering(world, rng, context)),
    ]


def zone_names(zone: str) -> tuple[str, ...]:
    """Accepted names of an IANA zone."""
    return (zone, TIMEZONE_ALSO[zone]) if zone in TIMEZONE_ALSO else (zone,)


def calling_names(code: str) -> tuple[str, ...]:
    """Accepted forms of a calling code."""
    return (f"+{code}", code, f"00{code}")


def code_unique(world: World) -> list[Country]:
    """Countries whose calling code no other country has."""
    uses = Counter(c.calling_code for c in world.countries)
    shared = ("GB", "AU", "MA", "NO", "IT", "FI")  # with territories that the facts leave out
    return [
        c
        for c in world.countries
        if c.calling_code and uses[c.calling_code] == 1 and c.code not in shared
    ]


def _country_kinds(world: World) -> list[Kind]:
    def of(attribute: str) -> list[Country]:
        return [c for c in world.countries if getattr(c, attribute) is not None]

    def name(c: Country) -> str:
        return c.in_text

    lone = [
        c
        for c in world.countries
        if len(c.neighbours) == 1
        and c.neighbours[0] in world.by_code
        and c.code not in ("CA", "DK")
    ]
    formal = [c for c in of("official") if c.name.lower() not in str(c.official).lower()]
    lookups = [
        Lookup("capital", of("capital"), name, lambda c: [world.capital(c)],
            lambda c: c.capital_names, (
                "What is the capital of {x}?", "Which city is the capital of {x}?",
                "Name the capital of {x}.", "{x}: what is the capital?")),
        Lookup("currency", of("currency"), name, lambda c: [world.currency(c)],
            world.currency_names, (
                "What is the currency of {x}?", "Which currency is legal tender in {x}?",
                "What money do people in {x} pay with?", "Name the currency of {x}.")),
        Lookup("currency_code", of("currency"), name, lambda c: [world.currency(c)],
            lambda c: (str(c.currency),), (
                "What is the ISO 4217 code of {x}'s currency?",
                "Which three-letter code does the currency of {x} have?",
                "By which ISO code is the money of {x} known?")),
        Lookup("alpha_2", world.countries, name, lambda c: [world.codes(c)],
            lambda c: (c.code,), (
                "What is the two-letter ISO code of {x}?", "Give the ISO 3166-1 alpha-2 code of {x}.",
                "Which two letters stand for {x} in ISO 3166-1?")),
        Lookup("alpha_3", world.countries, name, lambda c: [world.codes(c)],
            lambda c: (c.alpha_3,), (
                "What is the three-letter ISO code of {x}?",
                "Give the ISO 3166-1 alpha-3 code of {x}.",
                "Which three letters stand for {x} in ISO 3166-1?")),
        Lookup("numeric", world.countries, name, lambda c: [world.codes(c)],
            lambda c: tuple(dict.fromkeys((c.numeric, str(int(c.numeric))))), (
                "What is the ISO 3166-1 numeric code of {x}?",
                "Which three digits stand for {x} in ISO 3166-1?",
                "Give {x}'s numeric country code in ISO 3166-1.")),
        Lookup("calling_code", of("calling_code"), name, lambda c: [world.calling(c)],
            lambda c: calling_names(str(c.calling_code)), (
                "What is the international calling code of {x}?",
                "Which country code do you dial to phone {x}?",
                "Telephone numbers in {x} start with which country code?")),
        Lookup("tld", world.countries, name, lambda c: [world.tld(c)],
            lambda c: (c.tld, c.tld[1:]), (
                "What is the country-code top-level domain of {x}?",
                "Which internet domain ending belongs to {x}?",
                "Web addresses from {x} end in which country-code domain?")),
        Lookup("continent", of("continent"), name, lambda c: [world.continent(c)],
            lambda c: (str(c.continent),), (
                "On which continent is {x}?", "Which continent does {x} belong to?",
                "{x} is part of which continent?")),
        Lookup("official_name", formal, name, lambda c: [world.official(c)],
            lambda c: c.official_names, (
                "What is the official name of {x} in ISO 3166-1?",
                "Under which official name does ISO 3166-1 list {x}?",
                "Give the full formal name of {x} as in ISO 3166-1."), held_out=True),
        Lookup("only_neighbour", lone, name, lambda c: [world.only_neighbour(c)],
            lambda c: world.by_code[c.neighbours[0]].names, (
                "Which is the only country that {x} shares a land border with?",
                "Name the single country with which {x} has a land border."), held_out=True),
    ]  # fmt: skip
    return [lookup.kind() for lookup in lookups]


def _reverse_kinds(world: World) -> list[Kind]:
    def names(c: Country) -> tuple[str, ...]:
        return c.names

    telling = [c for c in world.countries if c.capital and c.name not in c.capital]
    formal = [c for c in world.countries if c.official and c.name not in c.official]
    lookups = [
        Lookup("country_of_capital", telling, lambda c: str(c.capital),
            lambda c: [world.capital(c)], names, (
                "Which country has {x} as its capital?", "{x} is the capital of which country?",
                "Name the country whose capital is {x}.")),
        Lookup("country_of_alpha_2", world.countries, lambda c: c.code,
            lambda c: [world.codes(c)], names, (
                "Which country has the ISO 3166-1 alpha-2 code {x}?",
                "In ISO 3166-1, which country is {x}?",
                "What country does the ISO code {x} stand for?")),
        Lookup("country_of_alpha_3", world.countries, lambda c: c.alpha_3,
            lambda c: [world.codes(c)], names, (
                "Which country has the ISO 3166-1 alpha-3 code {x}?",
                "The three letters {x} stand for which country in ISO 3166-1?",
                "Name the country that ISO abbreviates as {x}.")),
        Lookup("country_of_calling_code", code_unique(world), lambda c: f"+{c.calling_code}",
            lambda c: [world.calling(c)], names, (
                "Which country has the calling code {x}?",
                "A phone number starts with {x}: which country is it from?",
                "You dial {x} to reach which country?"), held_out=True),
        Lookup("country_of_tld", world.countries, lambda c: c.tld,
            lambda c: [world.tld(c)], names, (
                "Which country has the top-level domain {x}?",
                "The internet domain {x} belongs to which country?",
                "For which country does {x} stand at the end of a web address?")),
        Lookup("country_of_currency", list(world.only_user.values()), lambda c: str(c.currency),
            lambda c: [world.currency(c)], names, (
                "Which country's currency has the ISO code {x}?",
                "The ISO 4217 code {x} belongs to the currency of which country?",
                "{x} is the currency code of which country?")),
        Lookup("country_of_official_name", formal, lambda c: f"the {c.official}",
            lambda c: [world.official(c)],
            lambda c: tuple(n for n in c.names if n not in c.official_names), (
                "By which short name is {x} known?", "What is the common name of {x}?",
                "{x} is usually called what?")),
    ]  # fmt: skip
    return [lookup.kind() for lookup in lookups]


def _code_kinds(world: World) -> list[Kind]:
    def currency_names(c: Currency) -> tuple[str, ...]:
        return (c.name, *c.aliases)

    def evidence(c: Currency) -> list[str]:
        return [world.currency_code(c)]

    # an answer "an" would vanish: scorers drop articles
    languages = [s for s in world.languages if s.code != "an"]

    return [
        Lookup("currency_of_code", world.currencies, lambda c: c.code, evidence, currency_names, (
            "Which currency has the ISO 4217 code {x}?", "What currency does {x} stand for?",
            "An amount is given in {x}: in which currency?")).kind(),
        Lookup("currency_numeric", world.currencies, lambda c: f"the {c.name}", evidence,
            lambda c: tuple(dict.fromkeys((c.numeric, str(int(c.numeric))))), (
                "What is the ISO 4217 numeric code of {x}?",
                "Which number does ISO 4217 give {x}?"), held_out=True).kind(),
        Lookup("language_code", languages, lambda s: s.name,
            lambda s: [world.language(s)], lambda s: (s.code,), (
                "What is the ISO 639-1 code of the {x} language?",
                "Which two letters mark {x} in ISO 639-1?",
                "Give the two-letter language code for {x}.")).kind(),
        Lookup("language_code_3", world.languages, lambda s: s.name,
            lambda s: [world.language(s)], lambda s: (s.alpha_3,), (
                "What is the ISO 639-3 code of the {x} language?",
                "Which three letters mark {x} in ISO 639-3?",
                "Give {x}'s identifier in ISO 639-3.")).kind(),
        Lookup("language_of_code", world.languages, lambda s: s.code,
            lambda s: [world.language(s)], lambda s: (s.name,), (
                "Which language has the ISO 639-1 code \"{x}\"?",
                "A page is tagged lang=\"{x}\": in which language is it?",
                "In ISO 639-1, what language is \"{x}\"?")).kind(),
        Lookup("script_code", world.scripts, lambda s: s.name,
            lambda s: [world.script(s)], lambda s: (s.code,), (
                "What is the ISO 15924 code of the {x} script?",
                "Which four letters mark the {x} script in ISO 15924?",
                "Give the four-letter code for {x} writing.")).kind(),
        Lookup("script_of_code", world.scripts, lambda s: s.code,
            lambda s: [world.script(s)], lambda s: (s.name,), (
                "Which script has the ISO 15924 code {x}?",
                "{x} is the ISO 15924 code of which script?",
                "In ISO 15924, what writing system is {x}?")).kind(),
    ]  # fmt: skip


def _place_kinds(world: World) -> list[Kind]:
    def country(place: City | Subdivision) -> tuple[str, ...]:
        return world.by_code[place.country].names

    def zoned(c: City) -> bool:
        return c.country not in ("VN", "UA") and (c.country != "CN" or c.timezone.endswith("hai"))

    ranked = sorted(world.subdivisions, key=lambda s: -world.by_code[s.country].population)
    return [
        Lookup("country_of_city", world.cities, lambda c: c.name, lambda c: [world.city(c)],
            country, (
                "In which country is {x}?", "Which country is the city of {x} in?",
                "{x} is a city in what country?", "Name the country where {x} lies.")).kind(),
        Lookup("timezone", [c for c in world.cities if zoned(c)], lambda c: c.name,
            lambda c: [world.timezone(c.name, c.timezone)], lambda c: zone_names(c.timezone), (
                "Which IANA time zone is {x} in?", "What is the tz database name for {x}'s time?",
                "Clocks in {x} follow which IANA time zone?")).kind(),
        Lookup("country_of_subdivision", ranked, lambda s: s.name,
            lambda s: [world.subdivision(s)], country, (
                "Which country does {x} belong to as a first-level subdivision?",
                "{x} is a state, province or region of which country?",
                "In what country is the subdivision {x}?")).kind(),
        Lookup("subdivision_code", ranked, lambda s: s.name,
            lambda s: [world.subdivision(s)], lambda s: (s.code,), (
                "What is the ISO 3166-2 code of {x}?", "Give {x}'s code in ISO 3166-2.",
                "Which ISO 3166-2 code stands for {x}?")).kind(),
    ]  # fmt: skip


def _comparison_kinds(world: World) -> list[Kind]:
    return [
        Comparison("larger_city", world.cities, lambda c: c.name, lambda c: [world.population(c)],
            lambda c: c.names, lambda c: c.population, (
                "Which city has more inhabitants, {a} or {b}?", "Is {a} or {b} the larger city?",
                "Do more people live in {a} or in {b}?"), "{a} has more inhabitants than {b}.").kind(),
        Comparison("larger_population", world.countries, lambda c: c.in_text,
            lambda c: [world.population(c)], lambda c: c.names, lambda c: c.population, (
                "Which country has more inhabitants, {a} or {b}?",
                "Is the population of {a} or of {b} larger?",
                "Do more people live in {a} or {b}?"), "{a} has more inhabitants than {b}.").kind(),
        Comparison("larger_area", world.countries, lambda c: c.in_text, lambda c: [world.area(c)],
            lambda c: c.names, lambda c: c.area_km2, (
                "Which country covers more land, {a} or {b}?", "Is {a} or {b} larger by area?",
                "Of {a} and {b}, which is the bigger country on a map by area?"),
                "{a} covers more land than {b}.").kind(),
    ]  # fmt: skip


def _bordering(world: World, rng: Random, with_context: bool) -> Item | None:
    """Which one of three countries of a continent has a land border with another."""
    plain = [c for c in world.countries if c.continent and c.code not in _ODD_BORDERS]
    country = pick(rng, plain)
    near = [c for c in plain if c.continent == country.continent and c is not country]
    right = [c for c in near if c.code in country.neighbours and country.code in c.neighbours]
    wrong = [c for c in near if c not in right and c.code not in country.neighbours]
    if not right or len(wrong) < 2:
        return None
    answer, others = rng.choice(right), sample(rng, wrong, 2)
    options = shuffled(rng, [answer, *others])
    a, b, c = (option.in_text for option in options)
    evidence = world.borders(country)
    distractors = [world.borders(option) for option in others if option.neighbours]
    context = tuple(shuffled(rng, [evidence, *distractors])) if with_context else ()
    question = rng.choice((
        "Which of {a}, {b} and {c} borders {x}?",
        "{x} has a land border with one of {a}, {b} and {c}: with which?",
        "Only one of these touches {x}: {a}, {b} or {c}. Which?",
    )).format(a=a, b=b, c=c, x=country.in_text)  # fmt: skip
    key = f"{country.code}|{answer.code}"
    return Item(key, sentence(question), answer.names, (evidence,), context, "choice")

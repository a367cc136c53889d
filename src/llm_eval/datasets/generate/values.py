"""Invented people, firms, places and goods from many languages.

>>> person(dice, LOCALES["de"])
'Käthe Brandstätter'
"""

import unicodedata
from decimal import Decimal

from llm_eval.datasets.generate.dice import Dice
from llm_eval.datasets.generate.locales import Locale

_NAMES = {
    "en": (
        (
            "Alice Martin Harriet Owen Beatrice Callum Imogen Desmond Tamsin Rhys Maeve Gareth Nora "
            "Winifred Alasdair Philippa Tobias Rosalind Ewan Cordelia Jasper Nerys Lachlan Verity Silas"
        ),
        (
            "Whitlock Ashdown Penrose Fairclough O'Donnell Hargreaves Tolliver Kingsley McAllister "
            "Prewitt Sutcliffe Lockhart Redfern Bainbridge Thistlewood Carmichael Vance Dunmore Holloway "
            "Pemberton Gallagher Trevithick Ravenscroft Mathieson Larkspur Standish Wetherby Quayle"
        ),
    ),
    "de": (
        (
            "Käthe Jürgen Annika Sören Friederike Matthias Lieselotte Götz Ulrike Henning Frauke "
            "Wolfram Hannelore Björn Sieglinde Torsten Änne Ruprecht"
        ),
        (
            "Brandstätter Müller-Lenz Köhler Grünwald Schäfer Oestreich Weiß Hölzel Krämer "
            "Zeidler Vogt Lüttich Eichendorf Pfänder Rückert Thiele Wöhrle Ackermann"
        ),
    ),
    "fr": (
        "Zoé Benoît Hélène Loïc Maëlys Étienne Chloé Gaël Noémie Aurélien Solène Thibault",
        (
            "Lefèvre Garçon Beauchêne Delaunay d'Aubigny Prévost Marchand Crépin Roussel Vasseur "
            "Guérin Fontaine"
        ),
    ),
    "es": (
        "Íñigo Lucía Andrés Begoña Martín Inés Joaquín Nuria Álvaro Ximena Raúl Soledad",
        "Ibáñez Peña Quiroga Núñez Zamorano Castellón Ordóñez Muñoz Villaseñor Echeverría Rincón",
    ),
    "it": (
        "Niccolò Giulia Tommaso Fiammetta Ettore Ludovica Cosimo Ginevra Raniero Viola",
        "Pellegrini Bonaccorsi D'Amico Ferrante Squarcialupi Contarini Zanardi Mazzocchi Lupi",
    ),
    "nl": (
        "Joost Marijke Daniël Femke Sjoerd Anneloes Tijmen Wietske Ruben Saskia",
        "Verhoeven Dijkstra Hoogland Kuijpers Schouten Brouwer Zijlstra Vermeulen Bosch",
    ),
    "sv": (
        "Åsa Björn Linnéa Göran Ingrid Håkan Elsa Örjan Märta Sixten",
        "Lindqvist Ångström Sjöberg Östlund Nyström Hägglund Ekström Blomkvist Wallin",
    ),
    "slavic": (
        "Łukasz Zofia Jiří Kateřina Stjepan Željka Miloš Agnieszka Ondřej Šárka Bogdan Ludmila",
        "Wójcik Dvořák Kovačević Świątek Novotný Žižka Babić Nowak Horák Petrović Šimek",
    ),
    "far": (
        (
            "Bình Priya Kwame Linh Arjun Chidi Aylin Tevita Leilani Amara Kenji Mei Siobhán Ṣọlá "
            "Óscar Dilek Rashid Yewande Hiroshi Anjali Tomasi Farida"
        ),
        (
            "Trần Okonkwo Yılmaz Chaudhary Takahashi Mensah Al-Harbi Çelik Banerjee Kealoha Phạm "
            "Adébáyọ̀ Iyer Watanabe Haddad Osei Gündoğan Raghunathan Saito"
        ),
    ),
}
_NATIVE = (
    "山田 太郎", "佐藤 美咲", "高橋 健一", "渡辺 千尋", "王小明", "李秀英", "陳怡君", "张伟", "林志豪",
    "김민준", "박서연", "이도윤", "최하은", "ليلى حداد", "يوسف الخطيب", "سارة المنصوري",
    "Ольга Петрова", "Дмитрий Соколов", "Оксана Шевченко", "Иван Георгиев", "Наталья Ершова",
    "Ελένη Παπαδοπούλου", "Νίκος Γεωργίου", "Αλέξανδρος Μαρκόπουλος", "מיכל לוי", "दीपिका शर्मा",
    "राहुल वर्मा", "สมชาย ใจดี", "Гүлназ Ахметова", "Анна Левченко", "森本 由紀子", "周建国",
)  # fmt: skip
_PLACES = {
    "en": "Bristol Leeds Norwich Exeter Galway Aberdeen Swansea Lincoln Durham Hereford York Derry",
    "us": "Portland Duluth Savannah Tucson Spokane Ithaca Boise Asheville Topeka Laramie Mobile",
    "in": "Pune Kochi Jaipur Mysuru Indore Nagpur Surat Chennai Bhopal Shimla",
    "de": "Köln Lübeck Göttingen Nürnberg Erfurt Münster Potsdam Konstanz Würzburg Görlitz Emden",
    "ch": "Zürich Bern Winterthur Luzern Chur Schaffhausen Thun Aarau Zug Biel",
    "fr": "Lyon Nîmes Besançon Orléans Angoulême Béziers Rennes Chambéry Sète Nancy Quimper",
    "es": "Cádiz Málaga Logroño Gijón Cáceres León Murcia Almería Segovia Huesca",
    "it": "Bologna Lucca Trieste Cagliari Forlì Perugia Bergamo Ravenna Matera Siena",
    "nl": "Utrecht Leiden Groningen Zwolle Delft Nijmegen Breda Haarlem Deventer Arnhem",
    "sv": "Malmö Västerås Umeå Gävle Örebro Växjö Luleå Uppsala Jönköping Visby",
}
_STREETS = {
    "en": ("Mill Lane|Orchard Road|Castle Hill|Priory Close|Canal Street|Foundry Walk|Tithe Lane",
           "{n} {street}, {city} ??~ ~??"),
    "us": ("Maple Avenue|Juniper Street|Old Ferry Road|Birchwood Drive|Prospect Street|Elm Court",
           "{n}~ {street}, {city} ~####"),
    "in": ("Temple Road|Lake View Road|Market Street|Station Road|Gandhi Marg|Fort Lane",
           "{n}/~ {street}, {city} ~#####"),
    "de": ("Lindenstraße|Am Mühlbach|Goethestraße|Kirchgasse|Bahnhofstraße|Hafenweg|Schloßallee",
           "{street} {n}, ~#### {city}"),
    "ch": ("Seefeldstrasse|Bahnhofstrasse|Kirchweg|Rosengasse|Mühlegasse|Dorfstrasse",
           "{street} {n}, ~### {city}"),
    "fr": (("rue des Lilas|avenue Jean-Moulin|quai de la Pêcherie|place du Marché|impasse du Four|"
           "chemin des Vignes"), "{n} {street}, ~#### {city}"),
    "es": ("Calle del Olmo|Avenida de la Constitución|Plaza Mayor|Calle Cervantes|Paseo del Río",
           "{street} {n}, ~#### {city}"),
    "it": ("Via Garibaldi|Corso Umberto|Piazza San Marco|Via dei Mille|Viale della Libertà",
           "{street} {n}, ~#### {city}"),
    "nl": ("Herengracht|Dorpsstraat|Molenweg|Singel|Prinsenkade|Havenstraat",
           "{street} {n}, ~### ?? {city}"),
    "sv": ("Storgatan|Kungsgatan|Norra Hamngatan|Björkvägen|Slottsgatan|Skolvägen",
           "{street} {n}, ~## ## {city}"),
}  # fmt: skip
_FIRM_WORDS = (
    "Brightwater", "Nordhafen", "Vernay", "Calder & Finch", "Ostara", "Kestrel", "Tramontana",
    "Quillfeather", "Solvanda", "Halbmond", "Greyfriars", "Miravalle", "Ironbark", "Lumière",
    "Sägewerk Ost", "Copperline", "Baltica", "Aurelio", "Windrose", "Tannhof", "Saltmarsh",
    "Meridian", "Zephyr", "Rookwood", "Polarstern", "Belvedere", "Fjällvik Nord", "Nakamura",
    "Oakhurst", "Sonnblick", "Petrichor", "Kranich", "Vasco", "Hollis", "Ambergate", "Torrvik",
)  # fmt: skip
_TRADES = {
    "en": "Supplies|Trading|Stores|Outfitters|Household|Works|Wares|Depot|Emporium|Home",
    "de": "Werkzeuge|Haustechnik|Feinkost|Möbelbau|Messtechnik|Papierwaren|Optik|Landmaschinen",
    "fr": "Outillage|Matériaux|Équipements|Épicerie fine|Mobilier|Papeterie|Textiles|Optique",
    "es": "Suministros|Herramientas|Conservas|Muebles|Textiles|Equipos",
    "it": "Forniture|Utensili|Arredi|Tessuti|Alimentari|Ceramiche",
    "nl": "Gereedschap|Groothandel|Meubelen|Techniek|Fietsen|Papier",
    "sv": "Verktyg|Möbler|Teknik|Livsmedel|Textil|Papper",
}
_FORMS = {
    "en": "Ltd|& Sons|Co.|Limited|Partners|Group",
    "us": "Inc.|LLC|Corp.|Co.|& Daughters",
    "in": "Pvt Ltd|Traders|& Sons|Enterprises",
    "de": "GmbH|AG|KG|e. K.|GmbH & Co. KG",
    "ch": "AG|GmbH|& Söhne",
    "fr": "SARL|SAS|SA|& Fils",
    "es": "S.L.|S.A.|e Hijos",
    "it": "S.r.l.|S.p.A.|& Figli",
    "nl": "B.V.|N.V.|& Zonen",
    "sv": "AB|HB|& Söner",
}
_MAKES = (
    "walnut", "brass", "oiled oak", "enamelled", "foldable", "stainless", "cast-iron", "linen",
    "cordless", "hand-blown", "galvanised", "felt-lined", "heavy-duty", "recycled", "lacquered",
    "double-walled", "matt black", "beechwood", "waterproof", "adjustable", "copper", "magnetic",
)  # fmt: skip
_THINGS = (
    "desk lamp", "torque wrench", "bread knife", "door handle", "garden hose", "wall clock",
    "tripod", "kettle", "extension lead", "tool chest", "picture frame", "bicycle bell", "rucksack",
    "pepper mill", "paint roller", "bookend", "spirit level", "fruit bowl", "coat hook", "ladder",
    "cable drum", "work gloves", "plant stand", "sieve", "hinge set", "letter tray", "hand saw",
    "storage box", "sander", "thermos flask", "whiteboard", "bench vice", "shelf bracket", "bucket",
)  # fmt: skip
_WARES = {
    "de": "Schreibtischlampe|Akkuschrauber|Brotmesser|Türgriff|Gartenschlauch|Wanduhr|Stativ|"
    "Wasserkocher|Werkzeugkiste|Bilderrahmen|Pfeffermühle|Wasserwaage|Obstschale|Kabeltrommel|"
    "Arbeitshandschuhe|Handsäge|Leiter|Fahrradklingel|Feilensatz|Regalträger",
    "fr": "lampe de bureau|perceuse|couteau à pain|poignée de porte|tuyau d'arrosage|horloge murale|"
    "bouilloire|boîte à outils|cadre photo|moulin à poivre|niveau à bulle|corbeille à fruits|"
    "échelle pliante|gants de travail|scie à main|étagère|enrouleur de câble|seau galvanisé",
    "es": "lámpara de mesa|taladro|cuchillo de pan|manguera|reloj de pared|hervidor|escalera|"
    "caja de herramientas|molinillo de pimienta|nivel de burbuja|frutero|guantes de trabajo",
    "it": "lampada da tavolo|trapano|coltello da pane|tubo da giardino|orologio da parete|"
    "bollitore|cassetta degli attrezzi|macinapepe|livella|fruttiera|scala pieghevole|secchio",
    "nl": "bureaulamp|boormachine|broodmes|tuinslang|wandklok|waterkoker|gereedschapskist|"
    "pepermolen|waterpas|fruitschaal|trapladder|werkhandschoenen|kabelhaspel",
    "sv": "skrivbordslampa|borrmaskin|brödkniv|trädgårdsslang|väggklocka|vattenkokare|"
    "verktygslåda|pepparkvarn|vattenpass|fruktskål|trappstege|arbetshandskar",
}

_PLAIN = str.maketrans({"ß": "ss", "ł": "l", "ı": "i", "ø": "o", "đ": "d"})
"""Letters that Unicode does not take apart."""


def _region(table: object, locale: Locale) -> str:
    """The key of `table` for a locale: its own, its language's, or English."""
    keys = (locale.code, locale.language, "en")
    return next(key for key in keys if isinstance(table, dict) and key in table)


def person(dice: Dice, locale: Locale) -> str:
    """A full name: mostly of the locale's language, often of another, sometimes in its script."""
    if dice.chance(0.1):
        return dice.pick(_NATIVE)
    group = locale.language if dice.chance(0.4) else dice.pick(list(_NAMES))
    given, family = _NAMES[group]
    return f"{dice.pick(given.split())} {dice.pick(family.split())}"


def people(dice: Dice, locale: Locale, count: int) -> list[str]:
    """`count` different names."""
    found: list[str] = []
    while len(found) < count:
        name = person(dice, locale)
        if name not in found:
            found.append(name)
    return found


def given_names(dice: Dice, count: int) -> list[str]:
    """`count` different first names, as people use them in chats."""
    everyone = " ".join(given for given, _ in _NAMES.values()).split()
    return dice.some(everyone, count)


def city(dice: Dice, locale: Locale) -> str:
    """A town of the locale."""
    return dice.pick(_PLACES[_region(_PLACES, locale)].split())


def cities(dice: Dice, count: int) -> list[str]:
    """`count` different towns of any country."""
    return dice.some(" ".join(_PLACES.values()).split(), count)


def street(dice: Dice, locale: Locale) -> str:
    """Street and house number."""
    return address(dice, locale).split(",")[0]


def address(dice: Dice, locale: Locale) -> str:
    """Street, postal code and town on one line, as the locale orders them."""
    region = _region(_STREETS, locale)
    streets, pattern = _STREETS[region]
    town = dice.pick(_PLACES[region].split())
    number, way = dice.whole(1, 139), dice.pick(streets.split("|"))
    return dice.code(pattern).format(n=number, street=way, city=town)


def company(dice: Dice, locale: Locale) -> str:
    """An invented firm."""
    trade = dice.pick(_TRADES[_region(_TRADES, locale)].split("|"))
    form = dice.pick(_FORMS[_region(_FORMS, locale)].split("|"))
    return f"{dice.pick(_FIRM_WORDS)} {trade} {form}"


def shop(dice: Dice) -> str:
    """An invented trading name without legal form."""
    return f"{dice.pick(_FIRM_WORDS)} {dice.pick(_TRADES['en'].split('|'))}"


def goods(dice: Dice, locale: Locale, count: int) -> list[str]:
    """`count` different articles for sale, named in the locale's language."""
    if locale.language in _WARES:
        return dice.some(_WARES[locale.language].split("|"), count)
    things = dice.some(_THINGS, count)
    return [f"{dice.pick(_MAKES)} {thing}" for thing in things]


def email(dice: Dice, name: str) -> str:
    """An address at a reserved domain for `name`, which may be in any script."""
    latin = unicodedata.normalize("NFKD", name.lower().translate(_PLAIN))
    plain = "".join(sign for sign in latin if "a" <= sign <= "z" or sign == " ")
    user = ".".join(plain.split()) or dice.code("mail####")
    return f"{user}{dice.pick(('', dice.code('##')))}@{dice.pick(('example.com', 'example.org'))}"


def phone(dice: Dice, locale: Locale) -> str:
    """A telephone number in the locale's grouping, from ranges kept for fiction where known."""
    patterns = {
        "us": "(###) 555-01##", "en": "01632 960 ###", "gb": "01632 960 ###", "de": "030 23125 ###",
        "fr": "01 99 00 ## ##", "ch": "044 555 ## ##", "sv": "08 465 004 ##", "in": "+91 20 5550 ####",
    }  # fmt: skip
    return dice.code(patterns.get(locale.code, "+44 1632 960 ###"))


def iban(dice: Dice, locale: Locale) -> str:
    """The look of an IBAN, in groups of four."""
    country = {"sv": "SE", "eu": "BE"}.get(locale.code, locale.code.upper())
    country = country if country in ("DE", "CH", "FR", "ES", "IT", "NL", "SE", "BE") else "GB"
    return country + dice.code("## #### #### #### #### ##")


def price_lines(dice: Dice, locale: Locale, count: int, most: int = 12) -> list[dict[str, object]]:
    """Lines of an order: description, quantity, unit_price, line_total, sku."""
    return [
        {
            "sku": dice.code("??-####"),
            "description": description,
            "quantity": (quantity := dice.whole(1, most)),
            "unit_price": (price := dice.amount(2.5, 189)),
            "line_total": price * quantity,
        }
        for description in goods(dice, locale, count)
    ]


def total(lines: list[dict[str, object]], key: str = "line_total") -> Decimal:
    """The sum of `key` over `lines`."""
    return sum((Decimal(str(line[key])) for line in lines), Decimal("0.00"))

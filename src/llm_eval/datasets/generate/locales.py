"""How numbers, money and dates are written in a country.

>>> LOCALES["de"].number(Decimal("1234.50"))
'1.234,50'
>>> LOCALES["fr"].money(Decimal("1234.50"), "EUR")
'1 234,50 €'
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "CHF": "CHF", "SEK": "SEK", "INR": "₹"}

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
    "diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre "
    "dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
}
"""Names of the months by language, January first."""

_US = ("Dates are MM/DD/YYYY.", "(All dates month/day/year.)", "Date format: MM/DD/YYYY")
_GB = ("Dates are DD/MM/YYYY.", "(All dates day/month/year.)", "Date format: DD/MM/YYYY")


@dataclass(frozen=True, slots=True)
class Locale:
    """The written forms of one country."""

    code: str
    language: str
    decimal: str
    group: str
    dates: tuple[str, ...]
    """Patterns over d, m, y, month (its name) and mon (three letters of it)."""
    amount: str
    """Pattern over `symbol` and `number`."""
    currencies: tuple[str, ...]
    conjunction: str = "and"
    slashed: tuple[str, ...] = ()
    """Notes that say how to read a date with slashes."""

    def number(self, value: Decimal | int) -> str:
        """`value` with this country's decimal and thousands marks."""
        whole, _, fraction = str(abs(value)).partition(".")
        sign = "-" if value < 0 else ""
        mark = self.decimal + fraction if fraction else ""
        return sign + self._grouped(whole) + mark

    def money(self, value: Decimal, currency: str) -> str:
        """`value` with the sign or code of `currency` where this country puts it."""
        symbol, sign = SYMBOLS[currency], "-" if value < 0 else ""
        is_code = len(symbol) > 1
        pattern = "{symbol} {number}" if is_code and self.amount == _BEFORE else self.amount
        return sign + pattern.format(symbol=symbol, number=self.number(abs(value)))

    def date(self, day: date, pattern: str) -> str:
        """`day` in one of `dates`."""
        month = MONTHS[self.language].split()[day.month - 1]
        return pattern.format(d=day.day, m=day.month, y=day.year, month=month, mon=month[:3])

    def joined(self, items: Sequence[str]) -> str:
        """`A, B and C` in this country's language."""
        if len(items) < 2:
            return "".join(items)
        return f"{', '.join(items[:-1])} {self.conjunction} {items[-1]}"

    def _grouped(self, whole: str) -> str:
        if self.code == "in" and len(whole) > 3:  # lakh and crore: 12,34,567
            head, tail = whole[:-3], whole[-3:]
            pairs = [head[max(0, i - 2) : i] for i in range(len(head), 0, -2)][::-1]
            return ",".join([*pairs, tail])
        return f"{int(whole):,}".replace(",", self.group)


_ISO = "{y}-{m:02}-{d:02}"
_DOTS = "{d:02}.{m:02}.{y}"
_SLASHES = "{d:02}/{m:02}/{y}"
_WORDS = "{d} {month} {y}"
_BEFORE = "{symbol}{number}"
_AFTER = "{number} {symbol}"
_EURO = ("EUR",)

_ALL = (
    Locale("en", "en", ".", ",", (_WORDS, _ISO, "{d} {mon} {y}"), _BEFORE, ("EUR", "GBP", "USD")),
    Locale("us", "en", ".", ",", ("{month} {d}, {y}", "{mon} {d}, {y}", "{m:02}/{d:02}/{y}"),
           _BEFORE, ("USD",), slashed=_US),
    Locale("gb", "en", ".", ",", (_WORDS, _SLASHES), _BEFORE, ("GBP",), slashed=_GB),
    Locale("in", "en", ".", ",", ("{d:02}-{mon}-{y}", _WORDS), _BEFORE, ("INR",)),
    Locale("eu", "en", ",", ".", (_WORDS, _ISO, _DOTS), "{symbol} {number}", _EURO),
    Locale("de", "de", ",", ".", (_DOTS, "{d}. {month} {y}"), _AFTER, _EURO, "und"),
    Locale("ch", "de", ".", "'", (_DOTS, "{d}. {month} {y}"), "{symbol} {number}", ("CHF",), "und"),
    Locale("fr", "fr", ",", " ", (_WORDS, _SLASHES), _AFTER, _EURO, "et",
           ("(dates au format jj/mm/aaaa)",)),
    Locale("es", "es", ",", ".", ("{d} de {month} de {y}", _SLASHES), _AFTER, _EURO, "y",
           ("(fechas: dd/mm/aaaa)",)),
    Locale("it", "it", ",", ".", (_WORDS, _DOTS), "{symbol} {number}", _EURO, "e"),
    Locale("nl", "nl", ",", ".", ("{d:02}-{m:02}-{y}",), "{symbol} {number}", _EURO, "en"),
    Locale("sv", "sv", ",", " ", (_ISO,), "{number} {symbol}", ("SEK",), "och"),
)  # fmt: skip

LOCALES = {locale.code: locale for locale in _ALL}
"""Every locale by its code; `eu` is English with continental numbers."""

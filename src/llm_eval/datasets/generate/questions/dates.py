"""Dates, weekdays, timetables and time zones.

If 3 May 2031 is a Saturday, which weekday is 1 June 2031?  →  Sunday
"""

from calendar import isleap, monthrange
from datetime import date, timedelta
from random import Random

from llm_eval.datasets.generate.questions.arithmetic import NAMES
from llm_eval.datasets.generate.questions.item import Item, Kind, number, sample

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
ORDINALS = ("first", "second", "third", "fourth")


def kinds() -> list[Kind]:
    """Every kind about time."""
    return [
        Kind("weekday_after", lambda rng, _: weekday_after(rng)),
        Kind("weekday_of_date", lambda rng, _: weekday_of(rng)),
        Kind("days_between", lambda rng, _: between(rng)),
        Kind("date_after", lambda rng, _: date_after(rng)),
        Kind("leap_years", lambda rng, _: leap_years(rng)),
        Kind("timetable", lambda rng, _: timetable(rng)),
        Kind("time_zones", lambda rng, _: time_zones(rng)),
        Kind("day_of_task", lambda rng, _: day_of_task(rng)),
        Kind("nth_weekday", lambda rng, _: nth_weekday(rng), True),
    ]


def spoken(day: date) -> str:
    """`3 May 2031`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def date_names(day: date) -> tuple[str, ...]:
    """Accepted forms of a date; of all-digit ones only ISO 8601."""
    month = MONTHS[day.month - 1]
    nth = f"{day.day}{_suffix(day.day)}"
    return (
        spoken(day), f"{month} {day.day}, {day.year}", f"{month} {nth}, {day.year}",
        f"{nth} {month} {day.year}", f"{nth} of {month} {day.year}", day.isoformat(),
        f"{day.day} {month}", f"{month} {day.day}", f"{month} {nth}",
    )  # fmt: skip


def clock(minutes: int) -> str:
    """Minutes after midnight as `09:05`."""
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def clock_names(minutes: int) -> tuple[str, ...]:
    """Accepted forms of a time of day."""
    hour, minute = minutes // 60 % 24, minutes % 60
    half = f"{hour % 12 or 12}:{minute:02d} {'am' if hour < 12 else 'pm'}"
    return tuple(
        dict.fromkeys((clock(minutes), f"{hour}:{minute:02d}", half, half.replace(" ", "")))
    )


def weekday_after(rng: Random) -> Item:
    """The weekday some days before or after another."""
    start, days = rng.randrange(7), rng.randrange(9, 400)
    back = rng.random() < 0.4
    day = WEEKDAYS[(start - days if back else start + days) % 7]
    phrasings = (
        "Today is {d}. Which weekday was it {n} days ago?",
        "It is {d} now. Go back {n} days: what day of the week is that?",
        "{n} days before a {d} comes which weekday?",
    ) if back else (
        "Today is {d}. Which weekday will it be in {n} days?",
        "A contract signed on a {d} ends {n} days later. On which day of the week?",
        "{n} days after a {d} comes which weekday?",
    )  # fmt: skip
    question = rng.choice(phrasings).format(d=WEEKDAYS[start], n=days)
    way = "before" if back else "after"
    steps = (f"{days} = {days // 7} weeks + {days % 7} days",
             f"{days % 7} days {way} {WEEKDAYS[start]} is {day}")  # fmt: skip
    return Item(f"{start},{days},{back}", question, (day,), steps)


def weekday_of(rng: Random) -> Item:
    """The weekday of a date from that of another one."""
    known = _day(rng)
    asked = known + timedelta(days=rng.randrange(8, 150))
    days = (asked - known).days
    first, answer = WEEKDAYS[known.weekday()], WEEKDAYS[asked.weekday()]
    question = rng.choice((
        "If {a} is a {w}, which weekday is {b}?", "{a} falls on a {w}. On which weekday is {b}?",
        "Given that {a} is a {w}, name the day of the week of {b}.",
    )).format(a=spoken(known), w=first, b=spoken(asked))  # fmt: skip
    steps = (f"from {spoken(known)} to {spoken(asked)} are {days} days",
             f"{days} = {days // 7} weeks + {days % 7} days", f"{first} + {days % 7} is {answer}")  # fmt: skip
    return Item(f"{known},{asked}", question, (answer,), steps)


def between(rng: Random) -> Item:
    """Days from one date to another."""
    start = _day(rng)
    end = start + timedelta(days=rng.randrange(20, 320))
    days = (end - start).days
    question = rng.choice((
        "How many days are there from {a} to {b}, not counting the first day?",
        "{a} to {b}: how many days later is the second date?",
        "Starting on {a}, how many days must pass until it is {b}?",
    )).format(a=spoken(start), b=spoken(end))  # fmt: skip
    steps = _months(start, end)
    return Item(f"{start},{end}", question, number(days, "days"), steps, answer_type="number")


def date_after(rng: Random) -> Item:
    """The date some days after another."""
    start, days = _day(rng), rng.randrange(15, 100)
    end = start + timedelta(days=days)
    question = rng.choice((
        "Which date is {n} days after {a}?", "A parcel sent on {a} is due {n} days later. On what date?",
        "Count {n} days on from {a}. What is the date?",
    )).format(a=spoken(start), n=days)  # fmt: skip
    steps = (*_months(start, end), f"so the date is {spoken(end)}")
    return Item(f"{start},{days}", question, date_names(end), steps, answer_type="date")


def leap_years(rng: Random) -> Item:
    """Whether a year is one, or how many there are between two."""
    if rng.random() < 0.5:
        year = rng.choice((100 * rng.randrange(16, 25), rng.randrange(1604, 2400)))
        word = "yes" if isleap(year) else "no"
        question = rng.choice((
            "Is {y} a leap year in the Gregorian calendar?",
            "Does February {y} have 29 days (Gregorian calendar)?",
            "By the Gregorian rule, is {y} a leap year, yes or no?",
        )).format(y=year)  # fmt: skip
        rest = f"{year} mod 4 = {year % 4}, mod 100 = {year % 100}, mod 400 = {year % 400}"
        return Item(f"{year}", question, (word,), (rest, f"leap year: {word}"), (), "boolean")
    first, length = rng.randrange(1880, 2080), rng.randrange(9, 60)
    found = [y for y in range(first, first + length + 1) if isleap(y)]
    question = rng.choice((
        "How many leap years are there from {a} to {b}, both included?",
        "Count the leap years in {a}–{b} with both ends.",
        "From {a} through {b}, how many years have 366 days?",
    )).format(a=first, b=first + length)  # fmt: skip
    steps = (f"leap years: {', '.join(map(str, found))}", f"they are {len(found)}")
    key = f"{first},{length}"
    return Item(key, question, number(len(found)), steps, answer_type="number")


def timetable(rng: Random) -> Item:
    """When a series of parts with breaks ends, or how long it may take."""
    start, part, gap = 5 * rng.randrange(90, 180), 5 * rng.randrange(4, 19), 5 * rng.randrange(1, 6)
    count = rng.randrange(3, 7)
    end = start + count * part + (count - 1) * gap
    question = rng.choice((
        ("{n} lessons of {p} minutes start at {s}, with breaks of {g} minutes between them. "
        "At what time does the last one end?"),
        ("A workshop opens at {s}. Its {n} talks take {p} minutes each, with {g} minutes between "
        "talks. When is it over?"),
        ("From {s} on, {n} films of {p} minutes are shown, {g} minutes apart. "
        "At what time is the last film over?"),
    )).format(n=count, p=part, s=clock(start), g=gap)  # fmt: skip
    steps = (f"{count} × {part} + {count - 1} × {gap} = {end - start} minutes",
             f"{clock(start)} + {end - start} minutes = {clock(end)}")  # fmt: skip
    return Item(f"{start},{part},{gap},{count}", question, clock_names(end), steps)


def time_zones(rng: Random) -> Item | None:
    """Local time of arrival across time zones that the question gives."""
    start, long = 5 * rng.randrange(72, 200), 5 * rng.randrange(16, 130)
    shift = rng.choice((-9, -7, -6, -5, -3, -2, 2, 3, 4, 5, 7, 8))
    end = start + long + 60 * shift
    if not 0 <= end < 1440:
        return None
    word = "ahead of" if shift > 0 else "behind"
    question = rng.choice((
        ("A flight leaves at {s} local time and takes {h} h {m} min. The destination's clocks are "
        "{d} hours {word} those of the origin. What is the local time on arrival?"),
        ("The plane departs at {s}. {h} h {m} min later it lands where it is {d} hours {word} "
        "the departure city. Which time do clocks there show?"),
        ("Leaving home at {s}, {who} travels {h} h {m} min to a place {d} hours {word} home. "
        "What time is it there on arrival?"),
    )).format(s=clock(start), h=long // 60, m=long % 60, d=abs(shift), word=word,
              who=rng.choice(NAMES))  # fmt: skip
    at_home = start + long
    sign = "+" if shift > 0 else "-"
    late = " (next day)" if at_home >= 1440 else ""
    steps = (f"{clock(start)} + {long // 60} h {long % 60} min = {clock(at_home)}{late}",
             f"{clock(at_home)} {sign} {abs(shift)} h = {clock(end)}")  # fmt: skip
    return Item(f"{start},{long},{shift}", question, clock_names(end), steps)


def day_of_task(rng: Random) -> Item | None:
    """Who works on a day of a rota that goes round."""
    who = sample(rng, NAMES, rng.randrange(3, 6))
    days = rng.randrange(8, 60)
    if days % len(who) == 0:
        return None
    answer = who[days % len(who)]
    question = rng.choice((
        "{all} cook in turn, one a day, in this order. {a} cooks on day 1. Who cooks on day {n}?",
        "A rota goes {all}, then starts over. Day 1 is {a}'s. Whose is day {n}?",
        ("Night shifts rotate: {all}, and again from the front, beginning with {a} on night 1. "
        "Who has night {n}?"),
    )).format(all=", ".join(who), a=who[0], n=days + 1)  # fmt: skip
    steps = (f"({days + 1} - 1) mod {len(who)} = {days % len(who)}",
             f"{days % len(who)} places after {who[0]} is {answer}")  # fmt: skip
    return Item(f"{','.join(who)},{days}", question, (answer,), steps)


def nth_weekday(rng: Random) -> Item:
    """The date of, say, the third Tuesday of a month whose first day's weekday is given."""
    first = _day(rng).replace(day=1)
    wanted, n = rng.randrange(7), rng.randrange(4)
    day = first + timedelta(days=(wanted - first.weekday()) % 7 + 7 * n)
    question = rng.choice((
        "1 {m} {y} is a {f}. What is the date of the {n} {w} of that month?",
        "In {m} {y}, day 1 is a {f}. On which date is the {n} {w}?",
    )).format(m=MONTHS[first.month - 1], y=first.year, f=WEEKDAYS[first.weekday()],
              n=ORDINALS[n], w=WEEKDAYS[wanted])  # fmt: skip
    offset = (wanted - first.weekday()) % 7
    steps = (f"the first {WEEKDAYS[wanted]} is day 1 + {offset} = {1 + offset}",
             f"{1 + offset} + {n} × 7 = {day.day}", f"that is {spoken(day)}")  # fmt: skip
    answers = (*date_names(day), str(day.day), f"{day.day}{_suffix(day.day)}")
    return Item(f"{first},{wanted},{n}", question, answers, steps, answer_type="date")


def _suffix(day: int) -> str:
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _day(rng: Random) -> date:
    return date(2024, 1, 1) + timedelta(days=rng.randrange(6000))


def _months(start: date, end: date) -> tuple[str, ...]:
    """The days from start to end, month by month, as one addition."""
    days = (end - start).days
    if (start.year, start.month) == (end.year, end.month):
        return (f"{end.day} - {start.day} = {days}",)
    left = monthrange(start.year, start.month)[1] - start.day
    parts = [f"{left} left in {MONTHS[start.month - 1]}"]
    months = range(start.year * 12 + start.month, end.year * 12 + end.month - 1)
    for year, month in (divmod(n, 12) for n in months):
        parts.append(f"{monthrange(year, month + 1)[1]} in {MONTHS[month]}")
    parts.append(f"{end.day} in {MONTHS[end.month - 1]}")
    return (f"{' + '.join(parts)} = {days}",)

"""Arithmetic in words: prices, rates, percentages, averages, sequences.

A crate holds 17 jars. How many jars are in 4 crates?  →  68
"""

from fractions import Fraction
from itertools import accumulate, pairwise
from random import Random

from llm_eval.datasets.generate.questions.item import (
    Item,
    Kind,
    decimal,
    joined,
    number,
    sample,
)

NAMES = (
    "Amir", "Bea", "Chloe", "Dario", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jonas", "Kofi",
    "Lena", "Mateo", "Nadia", "Oskar", "Priya", "Quentin", "Rosa", "Samir", "Tara", "Uma",
    "Viktor", "Wanda", "Ximena", "Yusuf", "Zofia",
)  # fmt: skip
GOODS = (
    "pens", "mugs", "lamps", "scarves", "notebooks", "plates", "candles", "puzzles", "ropes",
    "tickets", "posters", "seedlings", "batteries", "towels", "jars", "bolts", "maps", "combs",
)  # fmt: skip
# large unit, small unit, small per large
UNITS = (
    ("kilometres", "metres", 1000), ("kilograms", "grams", 1000), ("hours", "minutes", 60),
    ("litres", "millilitres", 1000), ("metres", "centimetres", 100), ("days", "hours", 24),
    ("weeks", "days", 7), ("minutes", "seconds", 60), ("tonnes", "kilograms", 1000),
    ("feet", "inches", 12), ("yards", "feet", 3), ("dozens", "pieces", 12),
)  # fmt: skip


def kinds() -> list[Kind]:
    """Every arithmetic kind."""
    return [
        Kind("shopping_total", lambda rng, _: shopping(rng)),
        Kind("change_due", lambda rng, _: change(rng)),
        Kind("unit_conversion", lambda rng, _: conversion(rng)),
        Kind("discount", lambda rng, _: discount(rng)),
        Kind("percentage_change", lambda rng, _: percentage_change(rng)),
        Kind("speed", lambda rng, _: speed(rng)),
        Kind("meeting_trains", lambda rng, _: meeting(rng)),
        Kind("machine_rate", lambda rng, _: machines(rng)),
        Kind("missing_of_average", lambda rng, _: average(rng)),
        Kind("ages", lambda rng, _: ages(rng)),
        Kind("ratio_share", lambda rng, _: ratio(rng)),
        Kind("next_in_sequence", lambda rng, _: sequence(rng)),
        Kind("boxes_needed", lambda rng, _: boxes(rng)),
        Kind("rectangle", lambda rng, _: rectangle(rng)),
        Kind("fewest_coins", lambda rng, _: coins(rng), True),
        Kind("probability", lambda rng, _: probability(rng), True),
    ]


def fewest_coins(values: tuple[int, ...], amount: int) -> list[int]:
    """The shortest list of coins that makes `amount` (dynamic programming); 1 is among them."""
    best: list[list[int]] = [[]]
    for total in range(1, amount + 1):
        best.append(min(([v, *best[total - v]] for v in values if v <= total), key=len))
    return sorted(best[amount], reverse=True)


def next_term(terms: list[int]) -> int:
    """The next term of an arithmetic, geometric or quadratic sequence of five or more terms."""
    steps = [b - a for a, b in pairwise(terms)]
    if len(set(steps)) == 1:
        return terms[-1] + steps[0]
    if terms[0] and all(b * terms[0] == a * terms[1] for a, b in pairwise(terms)):
        return terms[-1] * terms[1] // terms[0]
    seconds = {b - a for a, b in pairwise(steps)}
    if len(seconds) != 1:
        raise ValueError(f"no simple rule fits {terms}")
    return terms[-1] + steps[-1] + seconds.pop()


def shopping(rng: Random) -> Item:
    """Two goods at two prices."""
    a, b = sample(rng, GOODS, 2)
    n, m, p, q = (rng.randrange(2, top) for top in (15, 15, 30, 30))
    total = n * p + m * q
    question = rng.choice((
        ("{who} buys {n} {a} at {p} euros each and {m} {b} at {q} euros each. "
        "How many euros does that cost?"),
        ("At the market {a} cost {p} euros apiece, {b} {q} euros apiece. "
        "What is the price in euros of {n} {a} plus {m} {b}?"),
        ("An order lists {n} {a} ({p} euros each) and {m} {b} ({q} euros each). "
        "Give its total in euros."),
    )).format(who=rng.choice(NAMES), n=n, m=m, a=a, b=b, p=p, q=q)  # fmt: skip
    steps = (f"{n} × {p} = {n * p}", f"{m} × {q} = {m * q}", f"{n * p} + {m * q} = {total}")
    return _item(f"{n},{p},{m},{q}", question, number(total, "euros"), steps)


def change(rng: Random) -> Item | None:
    """What is left of a note."""
    n, cents = rng.randrange(2, 9), 5 * rng.randrange(13, 240)
    paid = rng.choice((2000, 5000, 10000))
    left = paid - n * cents
    if left <= 0 or left > paid * 4 // 5:
        return None
    price, note = f"{cents // 100}.{cents % 100:02d}", paid // 100
    question = rng.choice((
        ("{who} pays for {n} {a} at {p} dollars each with {note} dollars. "
        "How many dollars of change are due?"),
        "One of the {a} costs {p} dollars. From {note} dollars, how many are left after buying {n}?",
        ("Someone hands over {note} dollars for {n} {a}, each {p} dollars. "
        "What change in dollars comes back?"),
    )).format(who=rng.choice(NAMES), n=n, a=rng.choice(GOODS), p=price, note=note)  # fmt: skip
    spent, answer = decimal(n * cents)[0], decimal(left, "dollars")
    steps = (f"{n} × {price} = {spent}", f"{note} - {spent} = {answer[0]}")
    return _item(f"{n},{cents},{paid}", question, answer, steps)


def conversion(rng: Random) -> Item:
    """Large and small units into small ones, or back."""
    large, small, per = rng.choice(UNITS)
    n, rest = rng.randrange(3, 40), rng.randrange(1, per)
    total = n * per + rest
    if rng.random() < 0.5:
        question = rng.choice((
            "How many {small} are {n} {large} and {rest} {small}?",
            "Convert {n} {large} plus {rest} {small} to {small}.",
            "Write {n} {large} and {rest} {small} in {small} only.",
        )).format(small=small, large=large, n=n, rest=rest)  # fmt: skip
        steps: tuple[str, ...] = (f"{n} × {per} = {n * per}", f"{n * per} + {rest} = {total}")
        return _item(f"to {total} {small}", question, number(total, small), steps)
    question = rng.choice((
        "How many full {large} are in {total} {small}?",
        "{total} {small} contain how many whole {large}?",
        "Counting only complete {large}, how many do {total} {small} make?",
    )).format(small=small, large=large, total=total)  # fmt: skip
    steps = (f"{n} × {per} = {n * per}", f"{total} - {n * per} = {rest}, less than {per}")
    return _item(f"from {total} {small}", question, number(n, large), steps)


def discount(rng: Random) -> Item | None:
    """A price after one or two cuts in per cent."""
    price, first, second = (
        20 * rng.randrange(4, 60),
        5 * rng.randrange(1, 12),
        rng.choice((0, 10, 20)),
    )
    after = price * (100 - first)
    last = after * (100 - second)
    if last % 10000 or after % 100:
        return None
    answer = last // 10000
    two = f", then by a further {second}% of the new price" if second else ""
    question = rng.choice((
        "A coat for {p} euros is reduced by {d}%{two}. What does it cost now, in euros?",
        "The list price is {p} euros. It falls by {d}%{two}. How many euros remain?",
        "In a sale a bicycle of {p} euros gets cheaper by {d}%{two}. Give the final price in euros.",
    )).format(p=price, d=first, two=two)  # fmt: skip
    steps = [f"{price} × {100 - first} / 100 = {after // 100}"]
    if second:
        steps.append(f"{after // 100} × {100 - second} / 100 = {answer}")
    return _item(f"{price},{first},{second}", question, number(answer, "euros"), tuple(steps))


def percentage_change(rng: Random) -> Item | None:
    """By how many per cent a number rose or fell."""
    old, share = 10 * rng.randrange(3, 90), rng.randrange(-60, 90)
    if share == 0 or old * share % 100:
        return None
    new, word = old + old * share // 100, "rise" if share > 0 else "fall"
    question = rng.choice((
        "A club had {old} members and now has {new}. By what percentage did membership {word}?",
        "Sales went from {old} to {new} units. What percentage {word} is that?",
        "From {old} visitors on Monday to {new} on Tuesday: a {word} of how many per cent?",
    )).format(old=old, new=new, word=word)  # fmt: skip
    size = abs(share)
    steps = (f"{max(new, old)} - {min(new, old)} = {abs(new - old)}",
             f"{abs(new - old)} / {old} × 100 = {size}")  # fmt: skip
    return _item(f"{old},{new}", question, (*number(size), f"{size}%", f"{size} percent"), steps)


def speed(rng: Random) -> Item:
    """Distance, time or speed from the other two."""
    pace, minutes = 4 * rng.randrange(3, 33), 15 * rng.randrange(2, 25)
    far = pace * minutes
    hours, rest = divmod(minutes, 60)
    long = " and ".join(f"{n} {unit}{'s' if n > 1 else ''}"
                        for n, unit in ((hours, "hour"), (rest, "minute")) if n)  # fmt: skip
    km = far // 60
    if rng.random() < 0.5:
        question = rng.choice((
            "A bus drives at {v} km/h for {t}. How many kilometres does it cover?",
            "How far, in kilometres, does a boat get in {t} at a steady {v} km/h?",
            "Moving at {v} km/h without a stop, what distance in km is covered in {t}?",
        )).format(v=pace, t=long)  # fmt: skip
        steps = (f"{minutes} minutes × {pace} km/h = {far} / 60 km", f"{far} / 60 = {km}")
        return _item(f"km {pace},{minutes}", question, number(km, "km", "kilometres"), steps)
    question = rng.choice((
        "A cyclist covers {km} km in {t}. What is the average speed in km/h?",
        "{km} kilometres take a van {t}. How fast does it go on average, in km/h?",
        "Travelling {km} km in {t} means what average speed in kilometres per hour?",
    )).format(km=km, t=long)  # fmt: skip
    steps = (f"{long} = {minutes} minutes", f"{km} × 60 / {minutes} = {pace}")
    return _item(f"v {pace},{minutes}", question, number(pace, "km/h"), steps)


def meeting(rng: Random) -> Item:
    """Two vehicles that approach each other."""
    a, b, hours = 5 * rng.randrange(6, 25), 5 * rng.randrange(6, 25), rng.randrange(2, 9)
    apart = (a + b) * hours
    question = rng.choice((
        ("Two trains {d} km apart run towards each other at {a} and {b} km/h. "
        "After how many hours do they meet?"),
        ("Towns X and Y are {d} km apart. One car leaves X at {a} km/h, another leaves Y for X "
        "at {b} km/h at once. How many hours pass until they meet?"),
        ("The gap between two ships is {d} km; they head for each other, one at {a} km/h, "
        "one at {b} km/h. In how many hours is the gap closed?"),
    )).format(d=apart, a=a, b=b)  # fmt: skip
    steps = (f"{a} + {b} = {a + b} km/h", f"{apart} / {a + b} = {hours}")
    return _item(f"{a},{b},{hours}", question, number(hours, "hours"), steps)


def machines(rng: Random) -> Item | None:
    """Machines of equal speed, as a rule of three."""
    n, minutes, each = rng.randrange(2, 9), rng.randrange(2, 13), rng.randrange(1, 8)
    more, longer = rng.randrange(2, 13), rng.randrange(3, 31)
    if more == n or longer == minutes:
        return None
    made, answer = n * minutes * each, more * longer * each
    what = rng.choice(GOODS)
    question = rng.choice((
        ("{n} machines make {made} {what} in {t} minutes. How many do {m} such machines make "
        "in {u} minutes?"),
        ("In {t} minutes, {n} workers pack {made} {what}. At the same pace, how many do {m} workers "
        "pack in {u} minutes?"),
        ("{made} {what} come from {n} equal printers in {t} minutes. What is the output of {m} of them "
        "in {u} minutes?"),
    )).format(n=n, made=made, what=what, t=minutes, m=more, u=longer)  # fmt: skip
    steps = (f"{made} / {n} / {minutes} = {each}", f"{each} × {more} × {longer} = {answer}")
    return _item(f"{n},{minutes},{made},{more},{longer}", question, number(answer, what), steps)


def average(rng: Random) -> Item | None:
    """The value that brings a list to a mean."""
    known = [rng.randrange(5, 60) for _ in range(rng.choice((3, 4)))]
    mean = rng.randrange(10, 50)
    count = len(known) + 1
    missing = mean * count - sum(known)
    if not 1 <= missing <= 99:
        return None
    question = rng.choice((
        "The average of {k} and one more number is {mean}. What is that number?",
        "{count} numbers have a mean of {mean}. All but one are {k}. Find the other.",
        "Scores so far: {k}. Which next score makes the average exactly {mean}?",
    )).format(k=joined([str(k) for k in known]), mean=mean, count=count)  # fmt: skip
    added = " + ".join(map(str, known))
    steps = (f"{mean} × {count} = {mean * count}", f"{added} = {sum(known)}",
             f"{mean * count} - {sum(known)} = {missing}")  # fmt: skip
    return _item(f"{sorted(known)},{mean}", question, number(missing), steps)


def ages(rng: Random) -> Item:
    """Two ages from their sum and one's multiple of the other."""
    young, times, later = rng.randrange(4, 16), rng.randrange(2, 6), rng.randrange(2, 12)
    a, b = sample(rng, NAMES, 2)
    total = young * (times + 1)
    question = rng.choice((
        "{a} is {k} times as old as {b}; together they are {s}. How old will {a} be in {l} years?",
        ("The ages of {a} and {b} sum to {s}, and {a}'s age is {k} times {b}'s. "
        "What age does {a} reach {l} years from now?"),
        ("{b}'s age times {k} gives {a}'s age. Their ages add up to {s}. "
        "How many years old is {a} after {l} more years?"),
    )).format(a=a, b=b, k=times, s=total, l=later)  # fmt: skip
    steps = (f"{total} / ({times} + 1) = {young}", f"{young} × {times} = {young * times}",
             f"{young * times} + {later} = {young * times + later}")  # fmt: skip
    key = f"{young},{times},{later}"
    return _item(key, question, number(young * times + later, "years", "years old"), steps)


def ratio(rng: Random) -> Item | None:
    """One part of a sum that is split in a ratio."""
    parts, each = [rng.randrange(1, 10) for _ in range(3)], rng.randrange(3, 40)
    who, total = sample(rng, NAMES, 3), sum(parts) * each
    n = rng.randrange(3)
    if len(set(parts)) < 3:
        return None
    shape = ":".join(map(str, parts))
    question = rng.choice((
        "{all} split {total} {what} in the ratio {shape}, in that order. How many does {x} get?",
        "{total} {what} are shared by {all} as {shape}, respectively. What is {x}'s number?",
        ("Divide {total} {what} among {all}, in proportions {shape} in this order. "
        "How many go to {x}?"),
    )).format(all=joined(who), total=total, shape=shape, x=who[n], what=rng.choice(GOODS))  # fmt: skip
    added = " + ".join(map(str, parts))
    steps = (f"{added} = {sum(parts)}", f"{total} / {sum(parts)} = {each}",
             f"{each} × {parts[n]} = {each * parts[n]}")  # fmt: skip
    return _item(f"{shape},{total},{n}", question, number(each * parts[n]), steps)


def sequence(rng: Random) -> Item:
    """The term after five of an arithmetic, geometric or quadratic sequence."""
    start, step, bend = rng.randrange(1, 30), rng.randrange(2, 14), rng.randrange(1, 7)
    rule = rng.choice(("add", "multiply", "grow"))
    if rule == "multiply":
        factor = rng.choice((2, 3, 4))
        terms = [start * factor**n for n in range(5)]
        steps = [f"each term is {factor} times the one before", f"{terms[-1]} × {factor}"]
    else:
        bend = bend if rule == "grow" else 0
        terms = list(accumulate((step + bend * n for n in range(4)), initial=start))
        last = step + bend * 4
        grows = f"grow by {bend}" if bend else "are equal"
        steps = [f"the differences {grows}: the next is {last}", f"{terms[-1]} + {last}"]
    answer = next_term(terms)
    steps[-1] += f" = {answer}"
    shown = ", ".join(map(str, terms))
    question = rng.choice((
        "Which number comes next: {t}?", "What is the next term of {t}?",
        "Continue the sequence {t} by one number.",
    )).format(t=shown)  # fmt: skip
    return _item(shown, question, number(answer), tuple(steps))


def boxes(rng: Random) -> Item:
    """Division with a remainder: how many boxes, or how many over."""
    size, full, rest = rng.randrange(6, 30), rng.randrange(4, 40), rng.randrange(1, 6)
    total, what = size * full + rest, rng.choice(GOODS)
    step = f"{full} × {size} = {size * full}"
    if rng.random() < 0.5:
        question = rng.choice((
            "{t} {w} go into boxes of {s}. How many boxes does it take to hold all?",
            "A box takes {s} {w}. What is the least number of boxes for {t}?",
            "To pack {t} {w} at most {s} to a box, how many boxes are needed?",
        )).format(t=total, w=what, s=size)  # fmt: skip
        steps: tuple[str, ...] = (step, f"{rest} are left over", f"{full} + 1 = {full + 1}")
        return _item(f"boxes {total},{size}", question, number(full + 1, "boxes"), steps)
    question = rng.choice((
        "{t} {w} are packed in full boxes of {s}. How many {w} remain?",
        "After filling as many boxes of {s} as possible from {t} {w}, how many are over?",
        "{t} {w}, {s} to a box: how many do not fill a box?",
    )).format(t=total, w=what, s=size)  # fmt: skip
    steps = (step, f"{total} - {size * full} = {rest}")
    return _item(f"rest {total},{size}", question, number(rest, what), steps)


def rectangle(rng: Random) -> Item:
    """Area from perimeter and one side, or perimeter from area and one side."""
    a, b = rng.randrange(3, 40), rng.randrange(3, 40)
    if rng.random() < 0.5:
        question = rng.choice((
            "A rectangle has a perimeter of {p} m and one side of {a} m. What is its area in m²?",
            "Fencing a rectangular garden takes {p} m; it is {a} m long. How many m² does it have?",
            "One side of a rectangle is {a} m, its outline {p} m. Give the area in square metres.",
        )).format(a=a, p=2 * (a + b))  # fmt: skip
        steps = (f"{2 * (a + b)} / 2 - {a} = {b}", f"{a} × {b} = {a * b}")
        return _item(f"area {a},{b}", question, number(a * b, "m²", "square metres"), steps)
    question = rng.choice((
        "A rectangle of {s} m² is {a} m wide. What is its perimeter in metres?",
        "How many metres of fence enclose a rectangular field of {s} m² with one side of {a} m?",
        "Area {s} m², one side {a} m: how long is the outline of this rectangle in metres?",
    )).format(a=a, s=a * b)  # fmt: skip
    steps = (f"{a * b} / {a} = {b}", f"2 × ({a} + {b}) = {2 * (a + b)}")
    return _item(f"outline {a},{b}", question, number(2 * (a + b), "m", "metres"), steps)


def coins(rng: Random) -> Item:
    """The fewest coins of an unusual currency; greedy is often wrong."""
    values = rng.choice(((1, 3, 4), (1, 4, 6), (1, 5, 8), (1, 6, 10), (1, 7, 9), (1, 5, 12)))
    amount = rng.randrange(11, 40)
    used = fewest_coins(values, amount)
    shown = joined([str(v) for v in values])
    question = rng.choice((
        "Coins are worth {v}. What is the smallest number of coins that pays exactly {n}?",
        "With coins of {v} only, how few coins can make {n}?",
    )).format(v=shown, n=amount)  # fmt: skip
    steps = (
        f"{' + '.join(map(str, used))} = {amount}",
        f"{len(used)} coins; no fewer make {amount}",
    )
    return _item(f"{values},{amount}", question, number(len(used), "coins"), steps)


def probability(rng: Random) -> Item:
    """The chance of one colour, as a reduced fraction."""
    red, blue, green = (rng.randrange(2, 13) for _ in range(3))
    total = red + blue + green
    chance = Fraction(red, total)
    shown = f"{chance.numerator}/{chance.denominator}"
    question = rng.choice((
        ("A bag holds {r} red, {b} blue and {g} green balls. What is the probability of drawing red, "
        "as a reduced fraction?"),
        ("Of {t} tokens {r} are red, {b} blue, {g} green. One is drawn blindly. Give the chance of "
        "red as a fraction in lowest terms."),
    )).format(r=red, b=blue, g=green, t=total)  # fmt: skip
    steps = (f"{red} + {blue} + {green} = {total}", f"{red}/{total} = {shown}")
    return Item(f"{red},{blue},{green}", question, (shown,), steps)


def _item(key: str, question: str, answers: tuple[str, ...], steps: tuple[str, ...]) -> Item:
    return Item(key, question, answers, steps, answer_type="number")

"""Logic puzzles whose solution a search over all possibilities shows to be the only one.

Ada is faster than Bob, Bob is faster than Cy. Who is slowest?  →  Cy
"""

from collections.abc import Callable, Sequence
from itertools import pairwise, permutations, product
from random import Random
from typing import NamedTuple

from llm_eval.datasets.generate.questions.arithmetic import NAMES
from llm_eval.datasets.generate.questions.item import Item, Kind, joined, number, sample, shuffled

Order = tuple[str, ...]
# more, less, most, least
SCALES = (
    ("taller", "shorter", "tallest", "shortest"), ("older", "younger", "oldest", "youngest"),
    ("faster", "slower", "fastest", "slowest"), ("heavier", "lighter", "heaviest", "lightest"),
    ("richer", "poorer", "richest", "poorest"),
)  # fmt: skip
GROUPS = (
    ("pupils", "French", "music"), ("guests", "fish", "cheese"), ("members", "chess", "tennis"),
    ("readers", "novels", "poems"), ("hikers", "tea", "coffee"), ("workers", "trains", "buses"),
)  # fmt: skip
HEADINGS = ("north", "east", "south", "west")
MOVES = ((0, 1), (1, 0), (0, -1), (-1, 0))


class Clue(NamedTuple):
    """A sentence and the orders that it allows."""

    text: str
    holds: Callable[[Order], bool]


def kinds() -> list[Kind]:
    """Every puzzle kind."""
    return [
        Kind("ranking", lambda rng, _: ranking(rng)),
        Kind("queue", lambda rng, _: queue(rng)),
        Kind("knights_and_knaves", lambda rng, _: knights(rng)),
        Kind("two_groups", lambda rng, _: two_groups(rng)),
        Kind("shortest_project", lambda rng, _: project(rng)),
        Kind("handshakes", lambda rng, _: handshakes(rng)),
        Kind("robot_walk", lambda rng, _: robot(rng), True),
        Kind("truth_value", lambda rng, _: truth_value(rng), True),
    ]


def solutions(who: Sequence[str], clues: Sequence[Clue]) -> list[Order]:
    """All orders that every clue allows."""
    return [order for order in permutations(who) if all(clue.holds(order) for clue in clues)]


def knaves(who: Sequence[str], claims: Sequence[Callable[[dict[str, bool]], bool]]) -> list[Order]:
    """The sets of knights in all worlds in which exactly the knights' claims are true."""
    worlds = (
        dict(zip(who, truth, strict=True)) for truth in product((True, False), repeat=len(who))
    )
    return [
        tuple(name for name in who if world[name])
        for world in worlds
        if all(world[n] == claim(world) for n, claim in zip(who, claims, strict=True))
    ]


def walk(steps: Sequence[tuple[str, int]]) -> tuple[int, int, str]:
    """Where a robot stands that starts at (0, 0) facing north, and which way it faces."""
    x = y = heading = 0
    for turn, length in steps:
        heading = (heading + {"left": 3, "right": 1, "": 0}[turn]) % 4
        x, y = x + MOVES[heading][0] * length, y + MOVES[heading][1] * length
    return x, y, HEADINGS[heading]


def ranking(rng: Random) -> Item | None:
    """An order of four or five people from just enough comparisons."""
    who = tuple(sample(rng, NAMES, rng.choice((4, 5))))
    more, less, most, least = rng.choice(SCALES)
    clues = _just_enough(rng, who, [_compare(rng, a, b, more, less) for a, b in pairwise(who)]
                         + [_compare(rng, who[0], who[-1], more, less)])  # fmt: skip
    if len(solutions(who, clues)) != 1:
        return None
    place = rng.randrange(len(who))
    words = ((most, place == 0), (least, place == len(who) - 1))
    asked = next((w for w, fits in words if fits), f"number {place + 1} from the {most} down")
    told = " ".join(clue.text for clue in shuffled(rng, clues))
    question = rng.choice((
        f"{told} Who is {asked}?", f"Who is {asked}, if the following holds? {told}",
        f"{len(who)} people are compared. {told} Name the one who is {asked}.",
    ))  # fmt: skip
    steps = (*(c.text for c in clues), f"from {most} to {least}: {', '.join(who)}")
    return Item(f"{sorted(who)},{more},{place}", question, (who[place],), steps)


def queue(rng: Random) -> Item | None:
    """Who stands where in a row of five, from positions and neighbours."""
    who = tuple(sample(rng, NAMES, 5))
    clues = _just_enough(rng, who, shuffled(rng, _row_clues(who)))
    place = rng.randrange(5)
    named = " ".join(clue.text for clue in clues)
    if len(solutions(who, clues)) != 1 or f"{who[place]} is number {place + 1}" in named:
        return None
    everyone = joined(sorted(who))
    question = rng.choice((
        "{all} stand in a queue. {clues} Who is number {n} from the front?",
        "Five people, {all}, wait in line. {clues} Name the one at place {n}, counted from the front.",
        "In a line of {all}: {clues} Which person has position {n} from the front?",
    )).format(all=everyone, clues=named, n=place + 1)  # fmt: skip
    steps = (*(c.text for c in clues), f"from the front: {', '.join(who)}")
    return Item(f"{sorted(who)},{place},{len(clues)}", question, (who[place],), steps)


def knights(rng: Random) -> Item | None:
    """Who tells the truth, from what two or three people say."""
    who = sample(rng, NAMES, rng.choice((2, 3)))
    made = [_claim(rng, speaker, who) for speaker in who]
    found = knaves(who, [claim for _, claim in made])
    if len(found) != 1 or not 0 < len(found[0]) < len(who):
        return None
    truthful = [n for n in who if n in found[0]]
    if rng.random() < 0.5 and len(truthful) == 1:
        asked, answer, kind = "Who is the knight", truthful[0], "text"
    else:
        one = rng.choice(who)
        asked, answer, kind = f"Is {one} a knight", "yes" if one in truthful else "no", "boolean"
    told = " ".join(f"{n} says: “{text}”" for n, (text, _) in zip(who, made, strict=True))
    question = rng.choice((
        "Knights always tell the truth, knaves always lie. {t} {q}?",
        "Everyone here is a knight (never lies) or a knave (always lies). {t} {q}?",
        "{t} {q}, if knights only say true things and knaves only false ones?",
    )).format(t=told, q=asked)  # fmt: skip
    liars = [n for n in who if n not in truthful]
    steps = (
        f"only consistent: knights {joined(truthful)}, knaves {joined(liars)}",
        f"answer: {answer}",
    )
    return Item(told, question, (answer,), steps, (), "boolean" if kind == "boolean" else "text")


def two_groups(rng: Random) -> Item:
    """Inclusion and exclusion with two groups."""
    both, first, second, none = (rng.randrange(low, high) for low, high in
                                 ((2, 12), (3, 20), (3, 20), (1, 12)))  # fmt: skip
    total = both + first + second + none
    what, x, y = rng.choice(GROUPS)
    a, b = first + both, second + both
    if rng.random() < 0.5:
        question = rng.choice((
            "Of {t} {w}, {a} like {x}, {b} like {y} and {c} like both. How many like neither?",
            ("{t} {w} were asked: {a} chose {x}, {b} chose {y}, {c} of them both. "
            "How many chose neither of the two?"),
            ("In a group of {t} {w} there are {a} for {x} and {b} for {y}; {c} are for both. "
            "What number is for neither?"),
        )).format(t=total, w=what, a=a, b=b, c=both, x=x, y=y)  # fmt: skip
        steps = (f"{a} + {b} - {both} = {a + b - both}", f"{total} - {a + b - both} = {none}")
        return _number(f"neither {total},{a},{b},{both}", question, none, steps)
    question = rng.choice((
        "Of {t} {w}, {a} like {x}, {b} like {y} and {n} like neither. How many like both?",
        ("{t} {w} were asked: {a} chose {x}, {b} chose {y}, {n} none of the two. "
        "How many chose both?"),
        ("In a group of {t} {w} there are {a} for {x}, {b} for {y} and {n} for neither. "
        "What number is for both?"),
    )).format(t=total, w=what, a=a, b=b, n=none, x=x, y=y)  # fmt: skip
    steps = (f"{total} - {none} = {total - none}", f"{a} + {b} - {total - none} = {both}")
    return _number(f"both {total},{a},{b},{none}", question, both, steps)


def project(rng: Random) -> Item | None:
    """The shortest duration of tasks of which some wait for others."""
    days = {name: rng.randrange(2, 12) for name in "ABCDE"}
    after = {"C": "A", "D": rng.choice(("AB", "B")), "E": rng.choice(("C", "CD", "BC"))}
    end: dict[str, int] = {}
    for name, length in days.items():
        end[name] = length + max((end[other] for other in after.get(name, "")), default=0)
    total = max(end.values())
    needs = "; ".join(f"{n} starts after {joined(list(o))}" for n, o in after.items())
    long = ", ".join(f"{n} {d}" for n, d in days.items())
    question = rng.choice((
        ("Tasks take these days: {l}. {n}. All else may run at the same time. "
        "What is the least number of days for everything?"),
        ("A project has five tasks with durations in days {l}. {n}. With unlimited staff, "
        "after how many days can it be finished at the earliest?"),
        ("Durations (days): {l}. Order: {n}; independent tasks run in parallel. "
        "How many days does the whole take at least?"),
    )).format(l=long, n=needs)  # fmt: skip
    steps = (*(f"{n} ends on day {d}" for n, d in end.items()), f"the last ends on day {total}")
    return _number(f"{long}|{needs}", question, total, steps)


def handshakes(rng: Random) -> Item:
    """Pairs within a group, or between two groups."""
    n, m = rng.randrange(5, 40), rng.randrange(4, 25)
    if rng.random() < 0.5:
        pairs = n * (n - 1) // 2
        question = rng.choice((
            "{n} people all shake hands with each other once. How many handshakes is that?",
            "In a league of {n} teams every pair plays once. How many matches are there?",
            "Each two of {n} towns are joined by one road. How many roads are there?",
        )).format(n=n)  # fmt: skip
        return _number(f"{n}", question, pairs, (f"{n} × {n - 1} / 2 = {pairs}",))
    question = rng.choice((
        "{n} hosts each greet {m} visitors once. How many greetings is that?",
        "A menu offers {n} mains and {m} desserts. How many pairs of one main and one dessert?",
        "Every one of {n} clubs sends {m} letters. How many letters are sent in all?",
    )).format(n=n, m=m)  # fmt: skip
    return _number(f"{n},{m}", question, n * m, (f"{n} × {m} = {n * m}",))


def robot(rng: Random) -> Item:
    """The distance or the heading at the end of a walk on a grid."""
    steps = [("", rng.randrange(2, 12))]
    steps += [
        (rng.choice(("left", "right")), rng.randrange(2, 12)) for _ in range(rng.choice((2, 3)))
    ]
    x, y, heading = walk(steps)
    told = ", ".join(f"turns {t} and walks {n} m" if t else f"walks {n} m" for t, n in steps)
    side, ahead = ("east" if x >= 0 else "west"), ("north" if y >= 0 else "south")
    where = f"it stands {abs(x)} m {side} and {abs(y)} m {ahead} of the start"
    if rng.random() < 0.5:
        question = rng.choice((
            f"A robot faces north. It {told}. Which compass direction does it face now?",
            f"Facing north, someone {told}. What direction do they look in at the end?",
        ))  # fmt: skip
        return Item(told + "?", question, (heading,), (where, f"it faces {heading}"))
    question = rng.choice((
        f"A robot faces north. It {told}. How many metres east or west of its start is it?",
        f"Facing north, someone {told}. By how many metres east or west did they move in all?",
    ))  # fmt: skip
    return _number(told, question, abs(x), (where,))


def truth_value(rng: Random) -> Item:
    """Whether a formula with and, or, not is true for given values."""
    values = {name: rng.random() < 0.5 for name in "PQR"}
    a, b, c = shuffled(rng, values)
    first, second = rng.choice(("and", "or")), rng.choice(("and", "or"))
    not_a, not_c = rng.random() < 0.5, rng.random() < 0.5
    left, right = values[a] != not_a, values[c] != not_c
    inner = (left and values[b]) if first == "and" else (left or values[b])
    value = (inner and right) if second == "and" else (inner or right)
    formula = f"({'not ' * not_a}{a} {first} {b}) {second} {'not ' * not_c}{c}"
    given = joined([f"{n} is {str(v).lower()}" for n, v in values.items()])
    word = "yes" if value else "no"
    question = rng.choice((
        f"{given}. Is “{formula}” true?", f"Yes or no: does “{formula}” hold when {given}?",
    ))  # fmt: skip
    steps = (f"the bracket is {str(inner).lower()}, {'not ' * not_c}{c} is {str(right).lower()}",
             f"is the whole true: {word}")  # fmt: skip
    return Item(f"{formula},{given}", question, (word,), steps, (), "boolean")


def _compare(rng: Random, a: str, b: str, more: str, less: str) -> Clue:
    text = f"{a} is {more} than {b}." if rng.random() < 0.5 else f"{b} is {less} than {a}."
    return Clue(text, lambda order: order.index(a) < order.index(b))


def _row_clues(who: Order) -> list[Clue]:
    def place(name: str, n: int) -> Clue:
        return Clue(f"{name} is number {n + 1} from the front.", lambda order: order[n] == name)

    def behind(a: str, b: str) -> Clue:
        return Clue(f"{b} is directly behind {a}.", lambda o: o.index(b) == o.index(a) + 1)

    def before(a: str, b: str) -> Clue:
        return Clue(f"{a} is somewhere ahead of {b}.", lambda o: o.index(a) < o.index(b))

    clues = [place(name, n) for n, name in enumerate(who)]
    clues += [behind(a, b) for a, b in pairwise(who)]
    return clues + [before(who[i], who[j]) for i in range(5) for j in range(i + 2, 5)]


def _just_enough(rng: Random, who: Order, clues: list[Clue]) -> list[Clue]:
    """The clues less those, tried in random order, without which the solution is still unique."""
    kept = list(clues)
    for clue in shuffled(rng, clues):
        fewer = [other for other in kept if other is not clue]
        if len(solutions(who, fewer)) == 1:
            kept = fewer
    return kept


def _claim(
    rng: Random, speaker: str, who: list[str]
) -> tuple[str, Callable[[dict[str, bool]], bool]]:
    others = [n for n in who if n != speaker]
    other, form = rng.choice(others), rng.randrange(4)
    if form == 0:
        return f"{other} is a knave.", lambda world: not world[other]
    if form == 1:
        return f"{other} is a knight.", lambda world: world[other]
    if form == 2:
        return f"{other} and I are of the same kind.", lambda world: world[other] == world[speaker]
    return "At least one of us is a knave.", lambda world: not all(world.values())


def _number(key: str, question: str, value: int, steps: tuple[str, ...]) -> Item:
    return Item(key, question, number(value), steps, answer_type="number")

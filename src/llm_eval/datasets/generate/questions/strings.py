"""Letters of words, order of words, and tables to read.

How many times does the letter "a" occur in "Madagascar"?  →  4
"""

from random import Random

from llm_eval.datasets.generate.questions.arithmetic import GOODS, NAMES
from llm_eval.datasets.generate.questions.dates import WEEKDAYS
from llm_eval.datasets.generate.questions.facts import World
from llm_eval.datasets.generate.questions.item import Item, Kind, number, sample


def kinds(world: World) -> list[Kind]:
    """Every kind about strings and tables."""
    names = [c.name for c in world.countries] + [c.name for c in world.cities[:400]]
    words = sorted({n for n in names if n.isascii() and n.isalpha() and 5 <= len(n) <= 12})
    return [
        Kind("count_letter", lambda rng, _: count_letter(rng, words)),
        Kind("reverse_word", lambda rng, _: reverse_word(rng, words)),
        Kind("alphabetical", lambda rng, _: alphabetical(rng, words)),
        Kind("vowels", lambda rng, _: vowels(rng, words)),
        Kind("joined_letters", lambda rng, _: joined_letters(rng, words)),
        Kind("table_total", lambda rng, _: table_total(rng)),
        Kind("table_largest", lambda rng, _: table_largest(rng)),
        Kind("table_count", lambda rng, _: table_count(rng)),
    ]


def count_letter(rng: Random, words: list[str]) -> Item | None:
    """How often a letter occurs in a word, both cases counted."""
    word = rng.choice(words).lower()
    letter = rng.choice(word)
    count = word.count(letter)
    if count == 1 and rng.random() < 0.7:
        return None
    question = rng.choice((
        "How many times does the letter \"{l}\" occur in \"{w}\"?",
        "Count the letter \"{l}\" in the word \"{w}\".",
        "\"{w}\" contains the letter \"{l}\" how many times?",
    )).format(l=letter, w=word)  # fmt: skip
    steps = (' '.join(word), f"\"{letter}\" × {count}")  # fmt: skip
    return _number(f"{word},{letter}", question, count, steps)


def reverse_word(rng: Random, words: list[str]) -> Item:
    """A word from back to front."""
    word = rng.choice(words).lower()
    question = rng.choice((
        "Write the word \"{w}\" backwards.", "What is \"{w}\" spelled in reverse?",
        "Reverse the letters of \"{w}\".", "Read from right to left, \"{w}\" becomes which string?",
    )).format(w=word)  # fmt: skip
    return Item(word, question, (word[::-1],), (f"{word} → {word[::-1]}",))


def alphabetical(rng: Random, words: list[str]) -> Item:
    """The first, last or n-th of some words in alphabetical order."""
    some = sample(rng, words, rng.choice((4, 5, 6)))
    order, n = sorted(some, key=str.lower), rng.randrange(3)
    place = ("first", "second", "last")[n]
    answer = order[(0, 1, -1)[n]]
    question = rng.choice((
        "Put in alphabetical order: {w}. Which is {p}?",
        "Which of {w} comes {p} in the alphabet?",
        "Sorted from A to Z, which name is {p}: {w}?",
    )).format(w=", ".join(some), p=place)  # fmt: skip
    return Item(f"{order},{place}", question, (answer,), (f"sorted: {', '.join(order)}",))


def vowels(rng: Random, words: list[str]) -> Item:
    """How many vowels two words have together."""
    a, b = (word.lower() for word in sample(rng, words, 2))
    counts = [sum(c in "aeiou" for c in word) for word in (a, b)]
    total = sum(counts)
    question = rng.choice((
        "How many of the vowels a, e, i, o, u are in \"{a} {b}\" altogether?",
        "Count a, e, i, o and u in \"{a}\" and \"{b}\". What is the total?",
        "\"{a}\" and \"{b}\": how many letters of both words together are a, e, i, o or u?",
    )).format(a=a, b=b)  # fmt: skip
    steps = (f"{a}: {counts[0]}", f"{b}: {counts[1]}", f"{counts[0]} + {counts[1]} = {total}")
    return _number("|".join(sorted((a, b))), question, total, steps)


def joined_letters(rng: Random, words: list[str]) -> Item:
    """The string made of the first or last letters of some words."""
    some, first = sample(rng, words, rng.choice((4, 5))), rng.random() < 0.5
    answer = "".join(word[0 if first else -1] for word in some).upper()
    question = rng.choice((
        "Join the {e} letters of {w}, in this order. Which string results?",
        "What do the {e} letters of {w} spell, taken in order?",
        "Take the {e} letter of each word and write them together: {w}.",
    )).format(e="first" if first else "last", w=", ".join(some))  # fmt: skip
    picked = ", ".join(word[0 if first else -1].upper() for word in some)
    return Item(",".join(some) + str(first), question, (answer,), (picked, f"together {answer}"))


def table_total(rng: Random) -> Item:
    """The sum of one row or column of a table."""
    people, goods, cells, lines = _table(rng)
    if rng.random() < 0.5:
        n = rng.randrange(len(people))
        values, asked, key = cells[n], people[n], "row"
        phrasings = ("How many pieces did {x} sell in total?", "Add up all that {x} sold.",
                     "According to the table, what is {x}'s total over all goods?")  # fmt: skip
    else:
        n = rng.randrange(len(goods))
        values, asked, key = [row[n] for row in cells], goods[n], "column"
        phrasings = ("How many {x} were sold by all together?", "What is the total number of {x} sold?",
                     "Sum the sales of {x} over all people. What is it?")  # fmt: skip
    total = sum(values)
    question = rng.choice(phrasings).format(x=asked)
    steps = (f"{' + '.join(map(str, values))} = {total}",)
    return Item(f"{lines},{key},{n}", question, number(total), steps, lines, "number")


def table_largest(rng: Random) -> Item | None:
    """Who has the most or least of something in a table."""
    people, goods, cells, lines = _table(rng)
    n, most = rng.randrange(len(goods)), rng.random() < 0.5
    column = sorted((row[n], name) for row, name in zip(cells, people, strict=True))
    value, answer = column[-1] if most else column[0]
    if [row[n] for row in cells].count(value) > 1:
        return None
    word = "most" if most else "fewest"
    question = rng.choice((
        "Who sold the {w} {g}?", "Which person in the table has the {w} {g}?",
        "The {w} {g} were sold by whom?",
    )).format(w=word, g=goods[n])  # fmt: skip
    steps = (", ".join(f"{name} {v}" for v, name in column), f"{word}: {answer}")
    return Item(f"{lines},{n},{most}", question, (answer,), steps, lines)


def table_count(rng: Random) -> Item | None:
    """On how many days of a table a value passes a limit."""
    days = WEEKDAYS[: rng.choice((5, 7))]
    values, limit = [rng.randrange(8, 60) for _ in days], rng.randrange(15, 50)
    found = [day for day, value in zip(days, values, strict=True) if value > limit]
    if not found:
        return None
    lines = ("day | visitors", *(f"{d} | {v}" for d, v in zip(days, values, strict=True)))
    question = rng.choice((
        "On how many days were there more than {n} visitors?",
        "How many days have a count of visitors above {n}?",
        "The limit is {n} visitors. On how many days was it exceeded?",
    )).format(n=limit)  # fmt: skip
    steps = (f"above {limit}: {', '.join(found)}", f"that is {len(found)}")
    return Item(f"{lines},{limit}", question, number(len(found)), steps, lines, "number")


def _table(rng: Random) -> tuple[list[str], list[str], list[list[int]], tuple[str, ...]]:
    people, goods = sample(rng, NAMES, rng.choice((3, 4))), sample(rng, GOODS, 3)
    cells = [[rng.randrange(3, 90) for _ in goods] for _ in people]
    head = " | ".join(("sold by", *goods))
    body = (" | ".join((name, *map(str, row))) for name, row in zip(people, cells, strict=True))
    return people, goods, cells, (head, *body)


def _number(key: str, question: str, value: int, steps: tuple[str, ...]) -> Item:
    return Item(key, question, number(value), steps, answer_type="number")

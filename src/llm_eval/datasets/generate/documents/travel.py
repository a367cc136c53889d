"""Journeys and kitchens: flights, hotels, trains, recipes."""

from llm_eval.datasets.generate import fields, values
from llm_eval.datasets.generate.dice import Dice
from llm_eval.datasets.generate.document import DocumentType, Layout
from llm_eval.datasets.generate.locales import Locale
from llm_eval.datasets.generate.template import Facts


def _flight(dice: Dice, locale: Locale) -> Facts:
    a, b, c, d = values.cities(dice, 4)
    day = dice.day()
    airline = dice.code("??")
    home = dice.later(day, 3, 20)

    def leg(start: str, end: str, on: object) -> Facts:
        hour = dice.whole(5, 19)
        return {"flight": f"{airline} {dice.whole(101, 4999)}", "from_city": start, "to_city": end, "date": on,
                "departure": f"{hour:02}:{5 * dice.whole(0, 11):02}", "arrival": f"{hour + dice.whole(1, 4):02}:{5 * dice.whole(0, 11):02}"}  # fmt: skip

    return {
        "booking_reference": dice.code("??#??~"), "passengers": values.people(dice, locale, dice.whole(1, 3)), "segments": [leg(a, b, day), leg(b, c, dice.later(day, 0, 1)), leg(c, a, home)][: dice.whole(2, 3)],
        "dropped": leg(a, d, dice.later(day, -3, -1)), "booked": dice.later(day, -100, -20), "seat": dice.maybe(dice.code("~?")), "bags": dice.whole(1, 3),
        "fare": dice.amount(79, 980), "old_fare": dice.amount(60, 700), "currency": dice.pick(locale.currencies), "agent": values.person(dice, locale), "ticket": dice.code("### ##########"),
    }  # fmt: skip


FLIGHT_ITINERARY = DocumentType(
    "flight_itinerary",
    "hard",
    fields.record(
        booking_reference=fields.text(),
        passengers=fields.listed(fields.text()),
        segments=fields.listed(
            fields.record(
                flight=fields.text("As written"), from_city=fields.text(), to_city=fields.text(), date=fields.day(), departure=fields.text("HH:MM")
            ),
            "Flights in force, without cancelled ones",
        ),
        fare=fields.number("Paid in the end"),
        currency=fields.currency(),
        seat=fields.optional(fields.text()),
    ),
    _flight,
    (
        Layout("en us gb eu", """
            [E-TICKET|ITINERARY|Travel document]   [Booking|Reference] {booking_reference}   [issued|booked] {booked}
            [Passenger(s)|Travellers]: {passengers}
            [Ticket|Ticket no.] {ticket}, [baggage|bags] {bags} PC{?seat}, [seat|your seat] {seat}{/}

            {dropped.flight}  {dropped.from_city} - {dropped.to_city}  {dropped.date}  {dropped.departure}  [CANCELLED|cancelled by airline|XX]
            {#segments}{flight}  {from_city} - {to_city}  {date}  {departure} – {arrival}  [OK|confirmed|HK]
            {/}
            [Fare before change|Original fare] {old_fare}   [Fare paid|Total fare] {fare:money}   [Agent|Issued by] {agent}
            """, scan=True),
        Layout("en in us", """
            [Dear|Hello] {passengers:and},

            [your journey has changed|we had to rebook you|there is news about your trip]: {dropped.flight} from {dropped.from_city} to {dropped.to_city} on {dropped.date} at {dropped.departure} [will not fly|has been taken off the plan]. [In its place you travel like this|Your new itinerary]: {#segments}<{flight} takes you from {from_city} to {to_city} on {date}, leaving at {departure}.|On {date} at {departure}, {flight} leaves {from_city} for {to_city} (arriving {arrival}).> {/}[The code stays|You keep the booking reference] {booking_reference}. [Instead of {old_fare} you pay|The fare of {old_fare} becomes] {fare:money}, [with {bags} bags each|bags: {bags}]. {?seat}[Your seat is|Seat:] {seat}.{/}

            {agent}
            """),
        Layout("de ch", """
            [Reisebestätigung|Ihre Umbuchung|Reiseplan] {booking_reference} vom {booked}
            [Reisende|Fluggäste]: {passengers}
            [Entfällt|Gestrichen]: {dropped.flight} {dropped.from_city}–{dropped.to_city}, {dropped.date}, {dropped.departure} Uhr
            [Neue Flüge|Sie fliegen]:
            {#segments}* {flight}, {date}: {from_city} ab {departure}, {to_city} an {arrival}
            {/}{?seat}[Sitzplatz|Sitz]: {seat}
            {/}[Flugpreis|Endpreis] {fare:money} ([vor der Umbuchung|zuvor] {old_fare}), Gepäck {bags} Stück, [Ticket-Nr.|Flugschein] {ticket}, [bearbeitet von|Sachbearbeitung] {agent}
            """),
    ),
)  # fmt: skip


def _hotel(dice: Dice, locale: Locale) -> Facts:
    arrive = dice.day()
    nights = dice.whole(2, 9)
    night = dice.amount(58, 260)
    return {
        "guest": values.person(dice, locale), "hotel": f"{dice.pick(('Hotel', 'Pension', 'Albergo', 'Residence', 'Gasthof'))} {dice.pick(('Miravalle', 'Drei Linden', 'Aurora', 'Belvedere', 'Zur Post', 'Lumière', 'Marina', 'Sonnblick'))}",
        "city": values.city(dice, locale), "stay": {"check_in": arrive, "check_out": dice.later(arrive, nights, nights)}, "nights": nights, "rate": night, "total": night * nights, "currency": dice.pick(locale.currencies),
        "breakfast": (breakfast := dice.chance(0.5)), "no_breakfast": not breakfast, "request": dice.maybe(dice.pick(("late arrival", "a cot", "a room facing the garden", "a parking space", "feather-free bedding", "an upper floor"))),
        "booked": dice.later(arrive, -90, -10), "cancel_by": dice.later(arrive, -9, -2), "confirmation": dice.code("#######"), "tax": dice.amount(1, 9), "room": dice.pick(("single room", "double room", "suite", "family room")), "phone": values.phone(dice, locale),
        "receptionist": values.person(dice, locale),
    }  # fmt: skip


HOTEL_BOOKING = DocumentType(
    "hotel_booking",
    "medium",
    fields.record(
        guest=fields.text(),
        hotel=fields.text("Name without town"),
        stay=fields.record(check_in=fields.day(), check_out=fields.day()),
        room=fields.text("Kind of room, as written"),
        total=fields.number("For the whole stay, without city tax"),
        currency=fields.currency(),
        breakfast=fields.flag("Whether it is included"),
        request=fields.optional(fields.text("As written")),
    ),
    _hotel,
    (
        Layout("en us gb eu", """
            {hotel}, {city}    [Confirmation|Booking no.] {confirmation}
            [Guest|Name]: {guest}
            [Arrival|Check-in]: {stay.check_in}    [Departure|Check-out]: {stay.check_out}    ({nights} nights)
            {room}, {rate:money} [per night|a night], {?breakfast}[breakfast included|with breakfast]{/}{?no_breakfast}[room only|without breakfast]{/}
            [Total|Price of the stay] {total:money}   [+ city tax|plus visitor tax] {tax}
            {?request}[Wish|Special request]: {request}
            {/}[Free cancellation until|Cancel free of charge by] {cancel_by}   [booked on|made] {booked}
            """),
        Layout("de ch", """
            {hotel}, {city}, Tel. {phone}
            [Buchungsbestätigung|Reservierungsbestätigung] {confirmation} vom {booked}
            [für|Gast:] {guest}
            [Anreise|Ankunft] {stay.check_in}, [Abreise|Abfahrt] {stay.check_out}, {nights} Nächte, {room}
            {rate} je Nacht, [zusammen|Gesamtpreis] {total:money}, [zuzüglich Kurtaxe|Kurtaxe extra] {tax}
            {?breakfast}[Frühstück inbegriffen|inklusive Frühstück]{/}{?no_breakfast}[ohne Frühstück|Frühstück nicht enthalten]{/}. [Kostenlos stornierbar bis|Storno bis] {cancel_by}.{?request} Wunsch: {request}{/}
            """),
        Layout("en in eu", """
            [Dear|Good day,] {guest},

            [we look forward to welcoming you at|thank you for choosing] {hotel} in {city}. [A {room} is reserved from|We keep a {room} for you from] {stay.check_in} to {stay.check_out}. [{nights} nights at {rate} make|At {rate} a night you pay] {total:money}, {?breakfast}[and breakfast is part of it|breakfast included]{/}{?no_breakfast}[breakfast not being part of it|which does not include breakfast]{/}; [the city tax of {tax} is paid here|city tax ({tax}) extra]. {?request}[We have noted|Noted]: {request}.{/} [Should your plans change, tell us by|You may cancel until] {cancel_by} [under|quoting] {confirmation}.

            {receptionist}, {phone}
            """),
        Layout("es", """
            {hotel}, {city}
            [Reserva|Confirmación de reserva] {confirmation}, [realizada el|hecha el] {booked}
            [Huésped|A nombre de]: {guest}, {room}
            [Llegada|Entrada] {stay.check_in}, [salida|hasta el] {stay.check_out}, {nights} noches a {rate}
            [Importe total|Total]: {total:money} ([tasa turística aparte|más tasa turística]: {tax})
            {?breakfast}[Desayuno incluido|Con desayuno]{/}{?no_breakfast}[Sin desayuno|Desayuno no incluido]{/}. {?request}[Petición|Deseo]: {request}. {/}[Cancelación gratuita hasta el|Anulación gratis hasta el] {cancel_by}, tel. {phone}
            """),
        Layout("it", """
            {hotel}, {city} – [conferma di prenotazione|prenotazione] n. {confirmation} [del|fatta il] {booked}
            [Ospite|A nome di]: {guest} ({room}, {nights} notti a {rate})
            [Arrivo|Check-in]: {stay.check_in} / [Partenza|Check-out]: {stay.check_out}
            [Totale del soggiorno|Prezzo complessivo] {total:money}, [tassa di soggiorno esclusa|più tassa di soggiorno] {tax}
            {?breakfast}[Colazione inclusa|Prima colazione compresa]{/}{?no_breakfast}[Senza colazione|Colazione non inclusa]{/}. {?request}[Richiesta|Note]: {request}. {/}[Cancellazione gratuita entro il|Si può disdire fino al] {cancel_by}. Tel. {phone}
            """),
    ),
)  # fmt: skip


def _train(dice: Dice, locale: Locale) -> Facts:
    start, end, via = values.cities(dice, 3)
    day = dice.day()
    hour = dice.whole(5, 18)
    return {
        "passenger": values.person(dice, locale), "from_city": start, "to_city": end, "via": via, "date": day, "departure": f"{hour:02}:{dice.whole(0, 59):02}",
        "arrival": f"{hour + dice.whole(1, 5):02}:{dice.whole(0, 59):02}", "sold": dice.later(day, -60, -1), "train": f"{dice.pick(('IC', 'EC', 'RE', 'TGX', 'NJ'))} {dice.whole(11, 2999)}",
        "coach": dice.whole(1, 14), "seat": dice.whole(11, 118), "fare": dice.amount(9, 140), "currency": dice.pick(locale.currencies), "number": dice.code("??##-####-##"), "platform": dice.whole(1, 16),
    }  # fmt: skip


TRAIN_TICKET = DocumentType(
    "train_ticket",
    "easy",
    fields.record(
        passenger=fields.text(),
        from_city=fields.text(),
        to_city=fields.text("Final stop"),
        date=fields.day("Of travel"),
        departure=fields.text("HH:MM"),
    ),
    _train,
    (
        Layout("en us gb eu", """
            [RAIL TICKET|SINGLE TICKET|Train ticket]  {number}
            [Passenger|Traveller]: {passenger}
            {from_city} → {to_city}   via {via}
            {date}   [dep.|departs] {departure}   [arr.|arrives] {arrival}   {train}
            [Coach|Carriage] {coach}, [seat|place] {seat}, platform {platform}
            {fare:money}   [sold|issued] {sold}
            """, scan=True),
        Layout("de ch", """
            [Fahrkarte|Online-Ticket|Fahrschein] {number}, [gekauft am|ausgestellt] {sold}
            [Reisende/r|Fahrgast]: {passenger}
            [Von|Start] {from_city} [nach|, Ziel] {to_city} (über {via})
            [Reisetag|Fahrt am] {date}, {train}: ab {departure} Gleis {platform}, an {arrival}
            Wagen {coach}, Platz {seat}, [Preis|Fahrpreis] {fare:money}
            """),
        Layout("fr es it nl sv", """
            {number} | {train} | {fare:money}
            {passenger}
            {from_city} ({departure}) ⇒ {via} ⇒ {to_city} ({arrival})
            [travel date|valid on|date of travel]: {date} / [purchase|bought|ticket sold]: {sold}
            [coach|car] {coach} – [seat|place] {seat} – [platform|track] {platform}
            """),
        Layout("en in us", """
            [Hi|Hello], [your ticket is ready|here is the ticket you bought] ([bought|paid] {sold}, {fare:money}). {passenger} [travels|will go] from {from_city} to {to_city} on {date} [with|on] {train}, [which leaves platform {platform} at {departure}|leaving at {departure} from platform {platform}], [calls at|passes] {via} and [gets in|arrives] at {arrival}. [Your place is|Please sit in] coach {coach}, seat {seat}. [Ticket number|Show this code]: {number}
            """),
    ),
)  # fmt: skip

_INGREDIENTS = (
    ("red lentils", "g"), ("flour", "g"), ("butter", "g"), ("milk", "ml"), ("olive oil", "ml"), ("sugar", "g"), ("chickpeas", "g"), ("stock", "ml"),
    ("spinach", "g"), ("honey", "tbsp"), ("cumin", "tsp"), ("yoghurt", "g"), ("rice", "g"), ("tomatoes", "g"), ("cream", "ml"), ("paprika", "tsp"), ("semolina", "g"),
)  # fmt: skip


def _recipe(dice: Dice, locale: Locale) -> Facts:
    parts = []
    for name, unit in dice.some(_INGREDIENTS, dice.whole(3, 5)):
        amount = dice.whole(1, 4) if unit in ("tbsp", "tsp") else dice.whole(2, 30) * 25
        parts.append({"name": name, "amount": amount, "unit": unit, "double": amount * 2})
    return {
        "title": f"{dice.pick(('Grandmother', 'Harvest', 'Sunday', 'Fisherman', 'Saffron', 'Winter', 'Quick', 'Smoky'))} {dice.pick(('dal', 'flatbread', 'pudding', 'stew', 'pilaf', 'tart', 'dumplings', 'soup', 'bake'))}",
        "servings": dice.whole(2, 8), "ingredients": parts, "oven": dice.maybe(dice.whole(14, 23) * 10), "minutes": dice.whole(2, 18) * 5, "rest": dice.whole(2, 9) * 5, "cook": values.person(dice, locale),
        "never": dice.pick(("eggs", "garlic", "nuts", "raisins")), "year": dice.whole(1931, 1999), "day": dice.day(), "big": dice.whole(10, 30),
    }  # fmt: skip


RECIPE = DocumentType(
    "recipe",
    "medium",
    fields.record(
        title=fields.text(),
        cook=fields.text("Whose recipe it is"),
        servings=fields.integer("For the amounts below"),
        ingredients=fields.listed(
            fields.record(name=fields.text(), amount=fields.integer("For these servings"), unit=fields.choice(("g", "ml", "tbsp", "tsp")))
        ),
        cooking_minutes=fields.integer("Without resting"),
        oven_c=fields.optional(fields.integer("°C; null if no oven is used")),
    ),
    lambda dice, locale: (facts := _recipe(dice, locale)) | {"cooking_minutes": facts["minutes"], "oven_c": facts["oven"]},
    (
        Layout("en us gb", """
            {title}
            [from the kitchen of|as cooked by] {cook}, [written down|noted] {year}

            [Serves|For] {servings} [(the club made it for {big})|]
            {#ingredients}{amount} {unit} {name}
            {/}
            [Let it rest|Leave to stand] {rest} [minutes|min], then {?oven}[bake at {oven} °C for|into the oven ({oven} °C) for]{/}{!oven}[simmer for|cook gently on the stove for]{/} {minutes} minutes. [No {never}!|Never add {never}.]
            """, scan=True),
        Layout("de ch", """
            {title} ([Rezept von|nach] {cook}, {year})
            [Zutaten für|Für] {servings} Personen ([doppelte Menge in Klammern|in Klammern: doppelt]):
            {#ingredients}- {amount} {unit} {name} ({double})
            {/}[Ruhezeit|Ruhen lassen]: {rest} Min. {?oven}[Backen bei|Ofen] {oven} °C, {/}[Garzeit|Kochzeit] {minutes} Min.
            [Ohne|Kein/e] {never}, [sagt|meinte] {cook}. [Notiert am|Gekocht am] {day}
            """),
        Layout("en eu in", """
            [You asked how I make|Here is the secret of|This is how we do] "{title}" – [in truth it belongs to|learned from] {cook}, [who cooked it first in|back in] {year}. [For {servings} people take|It feeds {servings}, if you take] {#ingredients}{amount} {unit} <of |>{name}, {/}[and leave the {never} in the cupboard|no {never}]. [Wait|Rest it] {rest} minutes. {?oven}[Then the oven, at {oven} °C, does the work in|Then bake it at {oven} °C for] {minutes} minutes.{/}{!oven}[Then stir it on the hob for|The pot needs] {minutes} minutes, [no oven at all|and you will not need the oven].{/} [For {big} guests I borrow a pot.|On {day} we ate it all.]
            """),
    ),
)  # fmt: skip


def _museum(dice: Dice, locale: Locale) -> Facts:
    made = dice.whole(1480, 1960)
    return {
        "title": f"{dice.pick(('Evening', 'Ferry', 'Woman', 'Orchard', 'Bridge', 'Two Hares', 'Window', 'Market'))} {dice.pick(('at the Ford', 'in Snow', 'with Letter', 'by Lamplight', 'after Rain', 'near the Wall'))}",
        "artist": values.person(dice, locale), "year": made, "technique": dice.pick(("oil on canvas", "tempera on panel", "woodcut", "bronze", "pastel on paper", "glazed tile", "watercolour")),
        "accession_number": dice.code("19~#.###"), "bought": dice.whole(1961, 2020), "donor": values.person(dice, locale), "room": dice.whole(1, 48), "height": dice.whole(12, 220), "width": dice.whole(12, 300), "city": values.city(dice, locale), "loan": dice.day(),
    }  # fmt: skip


MUSEUM_LABEL = DocumentType(
    "museum_label",
    "easy",
    fields.record(
        title=fields.text(),
        artist=fields.text(),
        year=fields.integer("When it was made"),
        technique=fields.text(),
        accession_number=fields.text(),
    ),
    _museum,
    (
        Layout("en us gb", """
            {artist}
            {title}, {year}
            {technique}, {height} × {width} cm
            Gift of {donor}, {bought}
            Inv. {accession_number}    Room {room}
            On loan to {city} until {loan}
            """, scan=True),
        Layout("de ch", """
            Saal {room} – {title} ({year}) von {artist}. {technique}, {height} x {width} cm. Inv.-Nr. {accession_number}. Schenkung {donor} {bought}; bis {loan} als Leihgabe in {city} zu sehen.
            """),
        Layout("en eu in", """
            Audio guide, stop {room}: you stand before "{title}", {technique}, {height} by {width} centimetres. {artist} finished it in {year}. It came to us in {bought} through {donor} and carries the number {accession_number}; after {loan} it will travel to {city}.
            """),
    ),
    held_out=True,
)  # fmt: skip

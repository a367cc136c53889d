"""Public life and money: events, weather, libraries, sport, roads, banks, utilities."""

from decimal import Decimal

from llm_eval.datasets.generate import fields, values
from llm_eval.datasets.generate.dice import Dice
from llm_eval.datasets.generate.document import DocumentType, Layout
from llm_eval.datasets.generate.locales import Locale
from llm_eval.datasets.generate.template import Facts


def _event(dice: Dice, locale: Locale) -> Facts:
    price = dice.amount(5, 60, 0)
    day = dice.day()
    start = dice.whole(18, 21)
    return {
        "title": f"{dice.pick(('Night of', 'Festival of', 'Evening with', 'Concert:', 'Open stage:', 'Lecture:', 'Ball of'))} {dice.pick(('Old Maps', 'Brass and Strings', 'Moths', 'Short Films', 'Northern Songs', 'Slow Tango', 'Paper Lanterns', 'Small Satellites', 'River Tales', 'Bread'))}",
        "venue": dice.pick(("Kulturhaus Mitte", "Teatro Aurora", "The Corn Exchange", "Salle Pleyade", "Hangar 7b", "St Brannock's Hall", "Café Kosmos", "Villa Lindqvist", "Moot Hall")),
        "date": day, "start_time": f"{start}:{dice.pick(('00', '15', '30'))}", "doors": f"{start - 1}:{dice.pick(('00', '30', '45'))}", "price": price, "reduced": price - 2, "currency": dice.pick(locale.currencies),
        "host": values.person(dice, locale), "sale": dice.later(day, -60, -15), "street": values.street(dice, locale), "phone": values.phone(dice, locale), "guest": values.person(dice, locale),
    }  # fmt: skip


EVENT_POSTER = DocumentType(
    "event_poster",
    "easy",
    fields.record(
        title=fields.text("Of the event, as written"),
        venue=fields.text("Name of the house"),
        date=fields.day("Of the event"),
        start_time=fields.text("HH:MM, not when doors open"),
        price=fields.number("Full price"),
    ),
    _event,
    (
        Layout("en us gb eu", """
            ~ {title} ~
            {venue}, {street}
            {date}
            [Doors|Doors open] {doors}   [Start|Begins] {start_time}
            [with|featuring] {host} [and|&] {guest}
            [Tickets|Admission] {price:money}, [reduced|students] {reduced:money}
            [Advance sale from|Box office opens] {sale}, {phone}
            """, scan=True),
        Layout("de ch", """
            [Einladung|Veranstaltungshinweis|Plakat]: {title}
            [Ort|Wo]: {venue}, {street}
            [Termin|Wann]: {date}, Einlass {doors}, [Beginn|los geht es um] {start_time} Uhr
            [Mit|Es wirken mit]: {host} und {guest}
            [Eintritt|Karten]: {price:money} / [ermäßigt|Studierende] {reduced:money}; [Vorverkauf ab|Karten ab] {sale} unter {phone}
            """),
        Layout("fr es it nl sv", """
            *** {title} ***
            {venue} · {street}
            {date} · {start_time} ([doors|open] {doors})
            {host} + {guest}
            {price:money} / {reduced:money} ([reduced|students, seniors])
            [info + tickets|tickets by phone]: {phone} ({sale} →)
            """),
        Layout("en in us", """
            [Save the date|What is on|Neighbourhood news]: {venue} ({street}) [invites you to|presents] "{title}" on {date}. [The doors open at {doors} and it begins at {start_time}|It starts at {start_time}; come from {doors} for a drink]. [On stage|We hear] {host} and {guest}. [A ticket costs|You pay] {price:money}, or {reduced:money} [if you study|for members]; [they are sold from|sale begins on] {sale}, phone {phone}.
            """),
    ),
)  # fmt: skip


def _weather(dice: Dice, locale: Locale) -> Facts:
    low = dice.whole(-9, 16)
    day = dice.day()
    return {
        "place": values.city(dice, locale), "issued": dice.later(day, -1, -1), "date": day, "high_c": low + dice.whole(4, 14), "low_c": low, "wind_kmh": dice.whole(5, 85), "gusts": dice.whole(86, 120),
        "record": dice.whole(31, 39), "record_year": dice.whole(1949, 2019), "rain": dice.amount(0, 30, 1), "forecaster": values.person(dice, locale), "sky": dice.pick(("overcast", "bright spells", "showers", "fog patches", "clear", "drizzle", "thunder")),
        "direction": dice.pick(("north-west", "south", "east", "south-west")), "sunrise": f"0{dice.whole(4, 8)}:{dice.whole(10, 59)}", "neighbour": values.cities(dice, 1)[0],
    }  # fmt: skip


WEATHER_BULLETIN = DocumentType(
    "weather_bulletin",
    "easy",
    fields.record(
        place=fields.text("The forecast is for"),
        date=fields.day("The forecast is for"),
        high_c=fields.integer("°C"),
        low_c=fields.integer("°C"),
        wind_kmh=fields.integer("Mean wind, not gusts"),
    ),
    _weather,
    (
        Layout("en us gb eu", """
            [WEATHER BULLETIN|FORECAST|Local forecast] {place}
            [valid for|for] {date} ([issued|written] {issued}, {forecaster})
            [Sky|Conditions]: {sky}   [Sunrise|Sun up] {sunrise}
            [High|Max] {high_c} °C   [Low|Min] {low_c} °C   ([record|record high] {record} °C, {record_year})
            [Wind|Mean wind] {direction} {wind_kmh} km/h, gusts {gusts}
            [Rain|Precipitation] {rain} mm
            """),
        Layout("de ch", """
            [Wetterbericht|Wetteraussichten|Vorhersage] für {place}, {date} ([Ausgabe vom|erstellt] {issued})
            [Höchstwert|Maximum] {high_c} °C, [Tiefstwert|Minimum] {low_c} °C; [Rekord|bisheriger Rekord] {record} °C ({record_year})
            [Wind|Mittelwind] {wind_kmh} km/h, [Böen bis|in Böen] {gusts} km/h; [Niederschlag|Regen] {rain} mm; Sonnenaufgang {sunrise}
            [Diensthabend|Text]: {forecaster}. [Auch in|Ähnlich in] {neighbour}.
            """),
        Layout("en in us", """
            [Good evening|Good morning|And now the weather], [this is|with you is] {forecaster}. [For {place} we expect|In {place} you can expect] {sky} on {date}, [with the thermometer between {low_c} and {high_c} degrees|temperatures from {low_c} up to {high_c} degrees Celsius] – [far from|no match for] the {record} degrees of {record_year}. [A wind of {wind_kmh} km/h blows from the {direction}|The wind blows from the {direction} at {wind_kmh} km/h], [with gusts of {gusts} on the hills|gusting to {gusts}]. [The sun rises at {sunrise}.|Rain: {rain} millimetres.] [{neighbour} follows after the news.|Next: {neighbour}.]
            """),
    ),
)  # fmt: skip


def _loan(dice: Dice, locale: Locale) -> Facts:
    due = dice.day()
    first, second = dice.some(("The Glass Orchard", "Nine Winters", "Ein Haus am Fluss", "La última marea", "Lines of Salt", "Das stille Archiv", "Notes on Moss", "Kites over Karst", "Le Jardin de Nour", "Small Engines",
                               "A Cat Called Ampère", "Under the Alder"), 2)  # fmt: skip
    return {
        "borrower": values.person(dice, locale), "title": first, "waiting": second, "due_date": due, "old_due": dice.later(due, -28, -14), "borrowed": dice.later(due, -60, -29), "barcode": dice.code("3####~######"),
        "renewed": (renewed := dice.chance(0.5)), "fresh": not renewed, "fee": dice.amount(0.5, 9), "currency": dice.pick(locale.currencies), "author": values.person(dice, locale), "branch": values.city(dice, locale), "librarian": values.person(dice, locale), "shelf": dice.code("?? ###.~"),
    }  # fmt: skip


LIBRARY_LOAN = DocumentType(
    "library_loan",
    "easy",
    fields.record(
        borrower=fields.text(),
        title=fields.text("Of the borrowed book"),
        barcode=fields.text(),
        due_date=fields.day("Now in force"),
        renewed=fields.flag("Whether the loan was extended"),
    ),
    _loan,
    (
        Layout("en us gb eu", """
            [City Library|Public Library|Lending desk], {branch} [branch|]
            [Borrower|Reader]: {borrower}
            [Title|Item]: {title} ({author}), [shelf|class] {shelf}
            [Barcode|Item no.]: {barcode}
            [Borrowed|Lent]: {borrowed}
            {?renewed}[Renewed|Extended]: [was due|old date] {old_due}, [now due|new date] {due_date}{/}{?fresh}[Due|Return by]: {due_date} [(not renewed)|]{/}
            [Fee if late|Overdue charge]: {fee:money} [a week|per week]   [Waiting for you|Reserved]: {waiting}
            """),
        Layout("de ch", """
            [Stadtbücherei|Stadtbibliothek] {branch}: [Ausleihbeleg|Kontoauszug] für {borrower}
            "{title}" von {author}, Signatur {shelf}, Mediennummer {barcode}, ausgeliehen {borrowed}
            {?renewed}[Verlängert|Frist verlängert]: statt {old_due} nun {due_date}{/}{?fresh}[Rückgabe bis|Leihfrist bis] {due_date}, [noch nicht verlängert|erste Leihfrist]{/}
            [Säumnisgebühr|Mahngebühr] {fee:money}. [Vorgemerkt|Liegt bereit]: "{waiting}". [Auskunft|Fragen]: {librarian}
            """),
        Layout("en in us", """
            [Dear|Hello] {borrower},

            [a note about|this is about] "{title}" by {author} (barcode {barcode}), [which you took home|lent to you] on {borrowed}. {?renewed}[As you asked, we have extended the loan from {old_due} to|It was due on {old_due}; we renewed it until] {due_date}.{/}{?fresh}[Please bring it back by|It is due on] {due_date}[; you may still renew it once|, and has not been renewed].{/} [After that it costs|Late books cost] {fee:money} a week. ["{waiting}" is on the shelf for you.|You are next in line for "{waiting}".]

            {librarian}, {branch}
            """),
    ),
)  # fmt: skip


def _match(dice: Dice, locale: Locale) -> Facts:
    home, away, third = values.cities(dice, 3)
    names = values.people(dice, locale, 4)
    minutes = sorted(dice.some(list(range(2, 90)), dice.whole(2, 3)))
    goals = [{"name": dice.pick(names[:3]), "minute": minute} for minute in minutes]
    left = dice.whole(0, len(goals))
    club = dice.pick(("Rovers", "SC", "United", "Athletic", "Union", "Wanderers"))
    return {
        "home": f"{club} {home}", "away": f"{away} {dice.pick(('Town', 'FC', '1904', 'City'))}", "score": {"home": left, "away": len(goals) - left}, "goals": goals, "disallowed": names[3], "annulled": dice.whole(2, 89),
        "date": (day := dice.day()), "last": dice.later(day, -200, -20), "last_score": f"{dice.whole(0, 5)}:{dice.whole(0, 5)}", "attendance": dice.maybe(dice.whole(812, 9900), 0.6), "capacity": dice.whole(10, 40) * 1000,
        "referee": values.person(dice, locale), "next": third, "next_date": dice.later(day, 5, 9),
    }  # fmt: skip


SPORTS_RESULT = DocumentType(
    "sports_result",
    "medium",
    fields.record(
        date=fields.day("Of the match"),
        home=fields.text("Team"),
        away=fields.text("Team"),
        score=fields.record(home=fields.integer(), away=fields.integer()),
        goals=fields.listed(fields.record(name=fields.text(), minute=fields.integer()), "Goals that counted"),
        attendance=fields.optional(fields.integer()),
    ),
    _match,
    (
        Layout("en us gb eu", """
            [FULL TIME|Final score|Result] – {date}
            {home} {score.home} : {score.away} {away}
            [Goals|Scorers]: {#goals}{minute}' {name}; {/}([annulled by video|disallowed, offside]: {annulled}' {disallowed})
            [Referee|Ref]: {referee}
            {?attendance}[Attendance|Crowd]: {attendance:n} [of|(capacity] {capacity:n})
            {/}[Last meeting|Previous game]: {last}, {last_score}. [Next|Up next]: {next}, {next_date}
            """),
        Layout("de ch", """
            [Spielbericht|Ergebnis] vom {date}
            {home} – {away} {score.home}:{score.away} ([Hinspiel|letztes Treffen] {last}: {last_score})
            [Tore|Torfolge]: {#goals}{name} ({minute}.), {/}[aberkannt|nicht gegeben]: {disallowed} ({annulled}.)
            {?attendance}[Zuschauer|Besucher]: {attendance:n}; {/}[Schiedsrichter/in|Leitung]: {referee}
            [Nächstes Spiel|Weiter geht es] am {next_date} gegen {next}
            """),
        Layout("en in us", """
            [On {date} {home} met {away}|{home} played {away} on {date}], [and it ended|final result] {score.home}-{score.away}. {#goals}<{name} scored in minute {minute}.|In minute {minute} the ball was in the net: {name}.|Minute {minute}: goal by {name}.> {/}[A header of {disallowed} in minute {annulled} did not count.|The flag was up when {disallowed} scored in minute {annulled}, no goal.] {?attendance}[{attendance:n} people watched|A crowd of {attendance:n} came] [in a ground for {capacity:n}|, with room for {capacity:n}].{/}{!attendance}[The gates stayed closed to the public.|Nobody counted the crowd.]{/} [The game of {last} had ended {last_score}|On {last} it had been {last_score}]; [next comes {next} on {next_date}|the next opponent, on {next_date}, is {next}]. [Referee|In charge]: {referee}.
            """),
    ),
)  # fmt: skip


def _traffic(dice: Dice, locale: Locale) -> Facts:
    start, end = values.cities(dice, 2)
    hour = dice.whole(5, 20)
    return {
        "road": dice.code(dice.pick(("A~#", "B ~##", "M~", "E ~#"))), "between": {"from_place": start, "to_place": end}, "date": dice.day(), "reported": f"{hour:02}:{dice.whole(10, 59)}", "updated": f"{hour + 1:02}:{dice.whole(10, 59)}",
        "vehicles": dice.whole(2, 9), "first_count": dice.whole(10, 14), "injured": dice.maybe(dice.whole(1, 6)), "cause": dice.pick(("black ice", "a burst tyre", "an overturned lorry", "fog", "lost timber", "a stray horse")), "queue": dice.whole(15, 29), "officer": values.person(dice, locale),
        "diversion": dice.maybe(dice.code("U~#")), "clear": f"{hour + 2:02}:{dice.pick(('00', '15', '30'))}", "case": dice.code("TR-####/##"),
    }  # fmt: skip


TRAFFIC_REPORT = DocumentType(
    "traffic_report",
    "medium",
    fields.record(
        road=fields.text(),
        between=fields.record(from_place=fields.text(), to_place=fields.text()),
        date=fields.day(),
        time=fields.text("Of the accident, HH:MM"),
        vehicles=fields.integer("Involved, latest count"),
        cause=fields.text("As written"),
        injured=fields.optional(fields.integer("null if not known")),
        diversion=fields.optional(fields.text()),
    ),
    lambda dice, locale: (facts := _traffic(dice, locale)) | {"time": facts["reported"]},
    (
        Layout("en us gb eu", """
            POLICE TRAFFIC REPORT {case}
            Road: {road}, {between.from_place} towards {between.to_place}
            Accident: {date}, {reported}     Update: {updated}
            Vehicles: {vehicles} (first report: {first_count})
            {?injured}Injured: {injured}
            {/}Cause: {cause}
            Queue: {queue} km. Road clear at about {clear}
            {?diversion}Diversion: {diversion}
            {/}Officer: {officer}
            """, scan=True),
        Layout("en in us", """
            Traffic news for {date}. On the {road} between {between.from_place} and {between.to_place} there was an accident at {reported}; the cause is {cause}. Not {first_count}, as we said at first, but {vehicles} vehicles are involved. {?injured}{injured} people were injured.{/}{!injured}Whether anybody was hurt is not known.{/} The queue has grown to {queue} km by {updated}. {?diversion}Please follow {diversion}.{/}{!diversion}There is no diversion.{/} {officer} expects a clear road by {clear}.
            """),
        Layout("de ch", """
            Verkehrsmeldung {case} ({officer}), {date}
            {road} von {between.from_place} nach {between.to_place}: Unfall um {reported} Uhr, Ursache: {cause}
            Stand {updated} Uhr: {vehicles} Fahrzeuge (zuerst gemeldet {first_count}){?injured}, {injured} Verletzte{/}
            Stau {queue} km, frei gegen {clear} Uhr. {?diversion}Umleitung {diversion}{/}
            """),
    ),
    held_out=True,
)  # fmt: skip


def _statement(dice: Dice, locale: Locale) -> Facts:
    start = dice.day()
    opening = dice.amount(400, 9000)
    moves = []
    balance, day = opening, start
    for _ in range(dice.whole(3, 5)):
        day = dice.later(day, 1, 6)
        amount = dice.amount(5, 900) * dice.pick((1, -1, -1))
        balance += amount
        moves.append(
            {
                "date": day,
                "counterparty": values.shop(dice),
                "amount": amount,
                "size": abs(amount),
                "out": amount < 0,
                "in": amount > 0,
                "balance": balance,
                "code": dice.code("######"),
            }
        )
    return {
        "holder": values.person(dice, locale), "iban": values.iban(dice, locale), "statement_number": f"{dice.whole(1, 12)}/{start.year}", "opening_balance": opening, "closing_balance": balance, "currency": dice.pick(locale.currencies),
        "start": start, "end": dice.later(day, 1, 4), "transactions": moves, "bank": f"{dice.pick(('Kestrel', 'Meridian', 'Halbmond', 'Saltmarsh', 'Tramontana', 'Polarstern'))} {dice.pick(('Bank', 'Savings Bank', 'Credit Union'))}", "blocked": dice.amount(10, 300), "blocked_by": values.shop(dice), "overdraft": dice.maybe(dice.amount(500, 5000, 0)), "adviser": values.person(dice, locale),
    }  # fmt: skip


BANK_STATEMENT = DocumentType(
    "bank_statement",
    "hard",
    fields.record(
        holder=fields.text(),
        iban=fields.text("Groups as printed"),
        statement_number=fields.text("As written"),
        opening_balance=fields.number(),
        closing_balance=fields.number(),
        currency=fields.currency(),
        transactions=fields.listed(
            fields.record(date=fields.day(), counterparty=fields.text(), amount=fields.number("Negative if money leaves the account")), "Booked ones only"
        ),
        overdraft_limit=fields.optional(fields.number()),
    ),
    lambda dice, locale: (facts := _statement(dice, locale)) | {"overdraft_limit": facts["overdraft"]},
    (
        Layout("en us gb eu", """
            {bank}      [ACCOUNT STATEMENT|Statement of account|Statement no.] {statement_number}
            [Account holder|Holder]: {holder}     IBAN {iban}
            [Period|From] {start} [to|until] {end}   [Currency|All amounts in] {currency}
            {?overdraft}[Overdraft limit|Credit line] {overdraft}
            {/}
            [Opening balance|Brought forward] {opening_balance:>12}
            {#transactions}{date}  {counterparty:<24} {amount:>10} {balance:>11}
            {/}[Closing balance|Balance carried over] {closing_balance:>12}
            [Pending, not booked|Reserved (not yet booked)]: {blocked_by} {blocked}
            """),
        Layout("de ch", """
            {bank}: [Kontoauszug|Auszug] {statement_number}, {start} bis {end}
            [Kontoinhaber/in|Inhaber/in] {holder}, IBAN {iban}, [Währung|Beträge in] {currency}
            [Alter Saldo|Anfangssaldo] {opening_balance}
            {#transactions}{date} {counterparty} {size} {?out}S{/}{?in}H{/} ([Ref.|Buchung] {code})
            {/}[Neuer Saldo|Endsaldo] {closing_balance} (S = Soll, Belastung; H = Haben, Gutschrift)
            [Vorgemerkt, nicht gebucht|Noch nicht gebucht]: {blocked_by} {blocked}. {?overdraft}[Dispokredit|Eingeräumte Überziehung]: {overdraft}{/}
            """),
        Layout("en in us", """
            [Dear|Hello] {holder},

            [here is|please find] statement {statement_number} for your account {iban}, [from {start} to {end}|covering {start} – {end}]. [You began with|The opening balance was] {opening_balance:money}. {#transactions}{?out}<On {date} {size} went to {counterparty}.|{counterparty} took {size} on {date}.>{/}{?in}<On {date} {counterparty} paid you {size}.|{size} came in from {counterparty} on {date}.>{/} {/}[That leaves|The closing balance is] {closing_balance:money}[; {blocked} for {blocked_by} is reserved but not booked|. Not yet booked: {blocked_by}, {blocked}]. {?overdraft}[Your overdraft limit is|You may overdraw up to] {overdraft}.{/}

            {adviser}, {bank}
            """),
    ),
)  # fmt: skip


def _utility(dice: Dice, locale: Locale) -> Facts:
    kind, unit, price = dice.pick((("electricity", "kWh", "0.31"), ("gas", "kWh", "0.12"), ("water", "m³", "2.18"), ("district heating", "kWh", "0.14")))  # fmt: skip
    before, used = dice.whole(1200, 60000), dice.whole(90, 3100)
    end = dice.day()
    charge = (used * Decimal(price)).quantize(Decimal("0.01"))
    base = dice.amount(8, 90)
    return {
        "kind": kind, "unit": unit, "price": Decimal(price), "customer": values.person(dice, locale), "account": dice.code("### ### ####"), "meter": dice.code("~??######"), "before": before, "after": before + used, "used": used,
        "start": dice.later(end, -95, -85), "end": end, "billed": dice.later(end, 3, 15), "due": dice.later(end, 20, 40), "charge": charge, "base": base, "total": charge + base, "currency": dice.pick(locale.currencies), "last_used": dice.whole(90, 3100),
        "estimated": (estimated := dice.chance(0.5)), "read": not estimated, "arrears": dice.maybe(dice.amount(10, 200)), "address": values.address(dice, locale), "supplier": values.company(dice, locale), "wrong": before + used + dice.whole(100, 900), "phone": values.phone(dice, locale),
    }  # fmt: skip


UTILITY_BILL = DocumentType(
    "utility_bill",
    "hard",
    fields.record(
        customer=fields.text(),
        account=fields.text("As printed"),
        service=fields.choice(("electricity", "gas", "water", "district heating")),
        period=fields.record(start=fields.day(), end=fields.day()),
        readings=fields.record(before=fields.integer(), after=fields.integer("After any correction"), estimated=fields.flag("Whether the last one was estimated")),
        consumption=fields.integer("Of this period"),
        total=fields.number("Of this period, without arrears"),
        arrears=fields.optional(fields.number()),
        due=fields.day(),
        currency=fields.currency(),
    ),
    lambda dice, locale: (facts := _utility(dice, locale))
    | {"service": facts["kind"], "period": {"start": facts["start"], "end": facts["end"]}, "consumption": facts["used"],
       "readings": {"before": facts["before"], "after": facts["after"], "estimated": facts["estimated"]}},
    (
        Layout("en us gb eu", """
            {supplier}    [Your {kind} bill|Bill for {kind}|Statement: {kind}]    {billed}
            {customer}, {address}
            [Account|Customer account] {account}   [Meter|Meter no.] {meter}
            [Period|Billing period] {start} – {end}
            [Previous reading|Old reading] {before:n}   [Present reading|New reading] {after:n} {?estimated}([estimated|E]){/}{?read}([read by you|actual]){/}
              [corrected, bill draft said|replaces the mistyped] {wrong:n}
            [Used|Consumption] {used:n} {unit} x {price} = {charge}   ([a year ago|same time last year] {last_used:n} {unit})
            [Standing charge|Base fee] {base}
            [This period|Total this period] {total:money}
            {?arrears}[Arrears|Unpaid from last bill] {arrears}
            {/}[Please pay by|Due] {due}
            """, scan=True),
        Layout("en in us", """
            [Dear|Hello] {customer},

            [your account {account} for {kind}|for {kind} under account {account}] [has been settled for|covers] the time from {start} to {end}. [The meter|Meter {meter}] [stood at {before:n} and now shows|went from {before:n} to] {after:n}; [the {wrong:n} in our letter of last week was a slip|please forget the {wrong:n} of our last message]. {?estimated}[We had to estimate that figure.|As nobody was in, it is an estimate.]{/}{?read}[Thank you for reading it yourself.|Our colleague read it.]{/} [You used|That is] {used:n} {unit} ([last year|in the year before] {last_used:n}), [at {price} each|price {price} per {unit}], [which with the base fee of {base} makes|plus base fee {base}, together] {total:money}. {?arrears}[From the last bill {arrears} are still open.|Do not forget the arrears of {arrears}.]{/} [Payment is due on|Please pay by] {due}.

            {supplier}, {phone}, {billed}
            """),
        Layout("de ch", """
            {supplier} – Rechnung vom {billed} ({kind})
            [Kunde|Vertragspartner/in]: {customer}, {address}; [Kundenkonto|Vertragskonto] {account}; [Zähler|Zählernr.] {meter}
            [Zeitraum|Abrechnung] {start} bis {end}
            Zählerstand alt {before:n}, neu {after:n} {?estimated}([geschätzt|Schätzung]){/}{?read}([abgelesen|Ablesung]){/} [statt irrtümlich|berichtigt, zuvor] {wrong:n}
            Verbrauch {used:n} {unit} ([Vorjahr|im Vorjahr] {last_used:n}) zu je {price}: {charge}; [Grundpreis|Grundgebühr] {base}
            [Betrag für diesen Zeitraum|Rechnungsbetrag] {total:money}{?arrears}; [Rückstand|offen aus Vorrechnung] {arrears}{/}
            [Fällig am|Zahlbar bis] {due}. Fragen: {phone}
            """),
    ),
)  # fmt: skip

"""Work and study: résumés, adverts, payslips, leave, expenses, courses."""

from llm_eval.datasets.generate import fields, values
from llm_eval.datasets.generate.dice import Dice
from llm_eval.datasets.generate.document import DocumentType, Layout
from llm_eval.datasets.generate.locales import Locale
from llm_eval.datasets.generate.template import Facts

_JOBS = (
    "site engineer", "head baker", "payroll clerk", "data analyst", "ward nurse", "tram driver", "stage manager",
    "land surveyor", "pastry cook", "network technician", "buyer", "translator", "lab assistant", "forester",
    "glazier", "product designer", "harbour pilot", "archivist", "welder", "quality inspector", "legal secretary",
)  # fmt: skip


def _resume(dice: Dice, locale: Locale) -> Facts:
    name, referee = values.people(dice, locale, 2)
    year = dice.whole(2021, 2024)
    current = dice.chance(0.6)
    jobs = []
    for place, title in enumerate(dice.some(_JOBS, dice.whole(2, 3))):
        start = year - dice.whole(1, 5)
        now = current and place == 0
        jobs.append({"employer": values.company(dice, locale), "title": title, "from_year": start,
                     "to_year": None if now else year, "until": year, "now": now})  # fmt: skip
        year = start - dice.whole(0, 1)
    return {
        "name": name, "email": values.email(dice, name), "phone": values.phone(dice, locale), "positions": jobs,
        "city": values.city(dice, locale), "born": dice.whole(1968, 1996), "referee": referee,
        "degree": {"title": dice.pick(("BSc Geography", "Diploma in Nursing", "MA Linguistics", "BEng Civil Engineering",
                                       "Master craftsman", "BA History", "MSc Statistics")), "year": year - dice.whole(0, 2)},
        "languages": dice.some(("Portuguese", "Arabic", "Dutch", "Polish", "Cantonese", "Turkish", "Finnish", "Tamil"), dice.whole(2, 3)),
        "referee_mail": values.email(dice, referee), "licence": dice.maybe(dice.pick(("class B", "class C", "class D1"))),
        "summer": values.shop(dice), "summer_year": year - 3,
    }  # fmt: skip


RESUME = DocumentType(
    "resume",
    "hard",
    fields.record(
        name=fields.text("Of the applicant"),
        email=fields.text(),
        positions=fields.listed(
            fields.record(
                employer=fields.text(), title=fields.text(), from_year=fields.integer(),
                to_year=fields.optional(fields.integer("null if it is the present job")),
            ),
            "Regular jobs, without internships",
        ),
        degree=fields.record(title=fields.text(), year=fields.integer()),
        languages=fields.listed(fields.text()),
        driving_licence=fields.optional(fields.text("Class, as written")),
    ),
    lambda dice, locale: (facts := _resume(dice, locale)) | {"driving_licence": facts["licence"]},
    (
        Layout("en us gb eu", """
            {name}
            {city} | {phone} | {email}

            [EXPERIENCE|Employment|Work history]
            {#positions}{from_year} – {?now}[present|today]{/}{?to_year}{until}{/}   {title}, {employer}
            {/}{summer_year}          internship (8 weeks), {summer}

            [EDUCATION|Studies]
            {degree.year}   {degree.title}

            [Languages|Spoken]: {languages}
            {?licence}[Driving licence|Licence]: {licence}
            {/}[Referee|Reference]: {referee}, {referee_mail}
            """, scan=True),
        Layout("en in us", """
            [Dear Sir or Madam|To whom it may concern|Dear hiring team],

            my name is {name} and [I live in|home is] {city}. {#positions}{?now}Since {from_year} I have <worked as {title} at {employer}|been {title} with {employer}>.{/}{?to_year}<From {from_year} to {until} I was {title} at {employer}.|At {employer} I held the post of {title} between {from_year} and {until}.>{/} {/}[A summer as an intern at {summer} in {summer_year} got me started.|It all began with an internship at {summer} ({summer_year}).] [I hold|My degree is] {degree.title}[, awarded in|, finished in] {degree.year}. [Besides English I speak|My languages are] {languages:and}. {?licence}[My driving licence is|I drive, licence] {licence}.{/}

            [You reach me at|Write to] {email} or {phone}; {referee} ({referee_mail}) [will gladly tell you more|knows my work].
            """),
        Layout("de ch", """
            [Lebenslauf|Tabellarischer Lebenslauf] – {name}, [Jahrgang|geboren] {born}
            [Kontakt|Anschrift]: {city}, {phone}, {email}
            [Berufserfahrung|Beruflicher Werdegang]
            {#positions}* {from_year} bis {?now}heute{/}{?to_year}{until}{/}: {title} bei {employer}
            {/}* {summer_year}: Praktikum bei {summer}
            [Abschluss|Ausbildung]: {degree.title} ({degree.year})
            [Sprachen|Sprachkenntnisse]: {languages}
            {?licence}Führerschein: {licence}
            {/}[Referenz|Auskunft gibt]: {referee}, {referee_mail}
            """),
    ),
)  # fmt: skip


def _advert(dice: Dice, locale: Locale) -> Facts:
    title, other = dice.some(_JOBS, 2)
    low = dice.whole(26, 72) * 1000
    posted = dice.day()
    paid = dice.chance(0.65)
    salary = {
        "low": low,
        "high": low + dice.whole(3, 20) * 1000,
        "currency": dice.pick(locale.currencies),
    }
    return {
        "title": title, "other": other, "company": values.company(dice, locale), "city": values.city(dice, locale),
        "branch": values.city(dice, locale), "salary": salary if paid else None, "pay": salary, "posted": posted,
        "currency": salary["currency"], "apply_by": dice.later(posted, 14, 60), "start": dice.later(posted, 61, 150),
        "remote": (remote := dice.chance(0.4)), "on_site": not remote, "hours": dice.pick((20, 30, 35, 38, 40)),
        "contact": values.person(dice, locale), "mail": values.email(dice, "jobs"), "staff": dice.whole(12, 900),
        "founded": dice.whole(1890, 2015), "job_id": dice.code("J-####"),
    }  # fmt: skip


JOB_ADVERT = DocumentType(
    "job_advert",
    "medium",
    fields.record(
        title=fields.text("Of the post"),
        company=fields.text(),
        city=fields.text("Place of work"),
        remote=fields.flag("Whether working from home is possible"),
        salary=fields.optional(
            fields.record(low=fields.integer("A year"), high=fields.integer("A year"), currency=fields.currency())
        ),
        weekly_hours=fields.integer(),
        apply_by=fields.day(),
    ),
    lambda dice, locale: (facts := _advert(dice, locale)) | {"weekly_hours": facts["hours"]},
    (
        Layout("en us gb eu", """
            {company} [is looking for|seeks|is hiring]: {title} ([ref.|ID] {job_id})

            [Where|Place]: {city} [(not at our branch in {branch})|(head office moved from {branch})]
            [Hours|Working time]: {hours} [a week|per week]; {?remote}[remote work possible|home office welcome|hybrid, up to three days at home]{/}{?on_site}[on site only|no remote work]{/}
            {?salary}[Salary|Pay]: {pay.low:money} to {pay.high:money} a year
            {/}{!salary}[Salary|Pay]: [by agreement|depends on experience]
            {/}[Start|From]: {start}   [Apply by|Deadline]: {apply_by}   ([published|online since] {posted})
            [Contact|Applications to] {contact}, {mail}
            """),
        Layout("de ch", """
            [Stellenanzeige|Stellenausschreibung] {job_id} vom {posted}
            {company}, gegründet {founded}, {staff} Beschäftigte, sucht zum {start}: {title} (m/w/d)
            [Arbeitsort|Einsatzort]: {city}; [weitere Niederlassung|Zweigstelle]: {branch}
            [Umfang|Wochenstunden]: {hours} Stunden, {?remote}[Homeoffice möglich|mobiles Arbeiten nach Absprache]{/}{?on_site}[ausschließlich vor Ort|kein Homeoffice]{/}
            {?salary}[Jahresgehalt|Vergütung pro Jahr]: {pay.low:n} bis {pay.high:n} {pay.currency}
            {/}[Bewerbung bis|Bewerbungsschluss] {apply_by} an {contact}, {mail}
            """),
        Layout("en in us", """
            [Since {founded}, {company} has grown to {staff} people and now needs|{company} ({staff} people, founded {founded}) is growing and needs] a {title} in {city}. [You work|The post is for] {hours} hours a week, {?remote}[from home if you like|and part of it can be done from home]{/}{?on_site}[always at our site|and we need you on site every day]{/}[; the post of {other} in {branch} has been filled.|. (Our advert for a {other} in {branch} is closed.)] {?salary}[We pay between|The range is] {pay.low:money} and {pay.high:money} a year, [depending on|according to] experience.{/} [The job starts on|We would like you to start on] {start}. [Write to {contact} by {apply_by}|Applications close on {apply_by}; {contact} reads them all], {mail}[, quoting {job_id}|].
            """),
    ),
)  # fmt: skip

_DEDUCTIONS = (
    "income tax",
    "pension fund",
    "health insurance",
    "union dues",
    "canteen",
    "travel pass",
    "church levy",
    "loan repayment",
)


def _payslip(dice: Dice, locale: Locale) -> Facts:
    gross = dice.amount(2100, 6900)
    taken = [
        {"name": name, "amount": dice.amount(12, 330)}
        for name in dice.some(_DEDUCTIONS, dice.whole(3, 4))
    ]
    lost = values.total(taken, "amount")
    bonus = dice.maybe(dice.amount(80, 900))
    paid = dice.day()
    return {
        "employee": values.person(dice, locale), "clerk": values.person(dice, locale), "employer": values.company(dice, locale),
        "staff_number": dice.code("######"), "paid_on": paid, "base": gross - (bonus or 0), "bonus": bonus, "gross": gross,
        "deductions": taken, "deducted": lost, "net": gross - lost, "currency": dice.pick(locale.currencies),
        "period_start": dice.later(paid, -32, -29), "year_gross": gross * dice.whole(2, 11), "last_net": gross - lost - dice.amount(-90, 90),
        "iban": values.iban(dice, locale), "hours": dice.whole(120, 176), "leave": dice.whole(2, 25),
    }  # fmt: skip


PAYSLIP = DocumentType(
    "payslip",
    "hard",
    fields.record(
        employee=fields.text(),
        employer=fields.text(),
        paid_on=fields.day(),
        currency=fields.currency(),
        gross=fields.number("This period, bonus included"),
        bonus=fields.optional(fields.number()),
        deductions=fields.listed(fields.record(name=fields.text(), amount=fields.number("Positive"))),
        net=fields.number("This period"),
    ),
    _payslip,
    (
        Layout("en us gb eu", """
            {employer}                     [PAYSLIP|PAY STATEMENT|Salary slip]
            [Employee|Name]: {employee}   [Staff no.|No.] {staff_number}
            [Period from|Month beginning] {period_start}   [Paid on|Pay date] {paid_on}   Hours {hours}

            [Basic pay|Base salary]       {base:>10}
            {?bonus}[Bonus|Premium]           {bonus:>10}
            {/}[GROSS|Gross pay]           {gross:>10}   ([year to date|this year] {year_gross})
            {#deductions}  - {name:<18} {amount:>10}
            {/}[NET PAY|Net|Paid out]    {net:money}   ([previous|last month] {last_net})
            [To account|Bank] {iban}   [Leave left|Leave balance]: {leave}
            """, scan=True),
        Layout("de ch", """
            [Lohnabrechnung|Gehaltsabrechnung|Entgeltabrechnung] für {employee} (Personalnr. {staff_number})
            {employer}, [Zeitraum ab|Abrechnung ab] {period_start}, [Auszahlung am|ausgezahlt] {paid_on}
            [Grundgehalt|Grundlohn] {base}
            {?bonus}[Prämie|Bonus] {bonus}
            {/}[Gesamtbrutto|Brutto] {gross} ([aufgelaufen|im Jahr bisher] {year_gross})
            [Abzüge|Davon ab]: {#deductions}{name} {amount}; {/}zusammen {deducted}
            [Auszahlungsbetrag|Netto] {net:money} ([Vormonat|im Vormonat] {last_net}) auf {iban}. [Resturlaub|Urlaub übrig] {leave} Tage.
            """),
        Layout("en in us", """
            [Hello|Dear] {employee},

            [your pay from|here is the statement of] {employer} for the weeks since {period_start} [went out|was transferred] on {paid_on} to {iban}. [It is made up as follows|In detail]: {hours} hours at the agreed rate make {base:money}{?bonus}, [plus a bonus of|and the bonus adds] {bonus:money}{/}, so [the gross pay is|gross comes to] {gross:money}. [From this we took|Deducted were] {#deductions}<{amount} for {name}|{name}, {amount}>; {/}[in all|together] {deducted}. [That leaves|You receive] {net:money} net[, where last time it was {last_net}| (last time {last_net})]. [So far this year you have earned {year_gross} gross.|Leave left: {leave} days.]

            {clerk}, payroll
            """),
    ),
)  # fmt: skip


def _leave(dice: Dice, locale: Locale) -> Facts:
    start = dice.day()
    kind = dice.pick(("vacation", "parental", "study"))
    return {
        "employee": values.person(dice, locale), "kind": kind, "vacation": kind == "vacation", "parental": kind == "parental",
        "study": kind == "study", "first_day": start, "last_day": dice.later(start, 3, 60), "asked": dice.later(start, -90, -10),
        "substitute": values.person(dice, locale), "boss": values.person(dice, locale), "left": dice.whole(3, 28), "number": dice.code("#####"),
        "team": dice.pick(("Dispatch", "Accounts", "Ward 3", "Assembly", "Front desk", "Kitchen", "Archive", "Paint shop")),
    }  # fmt: skip


LEAVE_REQUEST = DocumentType(
    "leave_request",
    "easy",
    fields.record(
        employee=fields.text(),
        kind=fields.choice(("vacation", "parental", "study")),
        first_day=fields.day(),
        last_day=fields.day("Last day away"),
        substitute=fields.text(),
    ),
    _leave,
    (
        Layout("en us gb eu", """
            [LEAVE REQUEST|Application for leave|Request for absence] no. {number}
            [Name|Employee]: {employee}     [Team|Department]: {team}
            [Kind of leave|Type]: ({?vacation}x{/}{!vacation} {/}) vacation  ({?parental}x{/}{!parental} {/}) parental  ({?study}x{/}{!study} {/}) study
            [First day|From]: {first_day}    [Last day|Until, inclusive]: {last_day}
            [Stand-in|Substitute]: {substitute}
            [Filed|Date of request]: {asked}   [Days left|Balance]: {left}   [Manager|To]: {boss}
            """, scan=True),
        Layout("en in us", """
            [Dear|Hello] {boss},

            [I would like to take|please grant me|may I apply for] {?vacation}[some vacation|my holiday]{/}{?parental}[parental leave|leave to look after our baby]{/}{?study}[study leave|leave for my exams]{/} from {first_day} [up to and including|until] {last_day}. {substitute} [will do my work in the meantime|stands in for me] [in|for] {team}. [My balance is|I still have] {left} days.

            {employee} ([staff|personnel] number {number}), {asked}
            """),
        Layout("de ch", """
            [Urlaubsantrag|Antrag auf Freistellung] vom {asked}, [Abteilung|Bereich] {team}
            [Name|Antragsteller/in]: {employee}, Personalnummer {number}
            [Art|Grund]: {?vacation}[Erholungsurlaub|Jahresurlaub]{/}{?parental}[Elternzeit|Elternurlaub]{/}{?study}[Bildungsurlaub|Studienurlaub]{/}
            [Erster Tag|Von] {first_day}, [letzter Tag|bis einschließlich] {last_day}
            [Vertretung|Es vertritt]: {substitute}; [Resturlaub|noch offen] {left} Tage
            [An|Genehmigung durch] {boss}
            """),
    ),
)  # fmt: skip


def _expenses(dice: Dice, locale: Locale) -> Facts:
    start = dice.day()
    words = {"travel": ("train ticket", "taxi to the fair", "ferry", "petrol"), "lodging": ("guest house", "hotel, 2 nights"),
             "meals": ("dinner with client", "lunch for four", "breakfast"), "other": ("name badges", "adapter", "luggage locker")}  # fmt: skip
    entries = []
    for _ in range(dice.whole(3, 4)):
        category = dice.pick(("travel", "lodging", "meals", "other"))
        entries.append({"date": dice.later(start, 0, 6), "category": category, "what": dice.pick(words[category]),
                        "amount": dice.amount(4, 420), "currency": dice.pick(("EUR", "CHF", "GBP", "SEK", "USD"))})  # fmt: skip
    return {
        "employee": values.person(dice, locale), "report_number": dice.code("EX-####"), "trip_to": values.cities(dice, 1)[0],
        "filed": dice.later(start, 8, 40), "entries": entries, "approved_by": dice.maybe(values.person(dice, locale)),
        "void": dice.amount(5, 200), "void_what": dice.pick(("minibar", "parking fine", "cinema", "lost ticket")),
        "advance": dice.amount(50, 400, 0), "currency": dice.pick(("EUR", "CHF")), "cost_centre": dice.code("####-##"),
    }  # fmt: skip


EXPENSE_REPORT = DocumentType(
    "expense_report",
    "hard",
    fields.record(
        report_number=fields.text(),
        employee=fields.text(),
        trip_to=fields.text(),
        filed=fields.day(),
        entries=fields.listed(
            fields.record(
                date=fields.day(), category=fields.choice(("travel", "lodging", "meals", "other")), amount=fields.number(), currency=fields.currency()
            ),
            "Without rejected or private ones",
        ),
        approved_by=fields.optional(fields.text()),
    ),
    _expenses,
    (
        Layout("en gb eu", """
            EXPENSE REPORT {report_number}      filed {filed}
            Employee: {employee}      Cost centre {cost_centre}
            Journey to: {trip_to}

            date / category / what / amount
            {#entries}{date} / {category} / {what} / {currency} {amount}
            {/}rejected: {void_what}, {void}

            Advance received: {advance:money}
            {?approved_by}Approved: {approved_by}{/}{!approved_by}Approval pending{/}
            """),
        Layout("en in us", """
            To: accounts
            Subject: {report_number}, {trip_to}

            Here are the costs of my journey to {trip_to}; the form was filed on {filed}, cost centre {cost_centre}. {#entries}On {date}, {category}: {what}, {amount} {currency}. {/}Do not count the {void_what} ({void}), that was private. I had an advance of {advance:money}. {?approved_by}{approved_by} has approved all this.{/}

            {employee}
            """),
        Layout("de ch", """
            Reisekostenabrechnung {report_number}, eingereicht {filed}, Kostenstelle {cost_centre}
            Mitarbeiter/in: {employee}; Reiseziel: {trip_to}
            {#entries}{date}  [{category}] {what}: {amount} {currency}
            {/}gestrichen: {void_what} {void}
            Vorschuss {advance:money}. {?approved_by}Genehmigt: {approved_by}{/}{!approved_by}Noch nicht genehmigt.{/}
            """),
    ),
    held_out=True,
)  # fmt: skip


def _course(dice: Dice, locale: Locale) -> Facts:
    parts = dice.some(
        (
            "written exam",
            "essay",
            "group project",
            "weekly quizzes",
            "oral exam",
            "lab book",
            "field report",
            "poster",
        ),
        3,
    )
    first = dice.whole(4, 10) * 5
    second = dice.whole(2, 5) * 5
    teacher, former = values.people(dice, locale, 2)
    begins = dice.day()
    return {
        "code": dice.code("??? ~##"), "title": dice.pick(("Tidal Ecology", "Medieval Trade", "Numerical Methods", "Urban Soils", "Phonology",
                                                         "Bridge Design", "Food Chemistry", "Ethics of Care", "Map Making", "Game Theory", "Glaciers")),
        "instructor": teacher, "former": former, "credits": dice.pick((3, 4, 5, 6, 8, 10)), "old_credits": dice.pick((2, 7, 9)),
        "assessment": [{"name": parts[0], "percent": first}, {"name": parts[1], "percent": second}, {"name": parts[2], "percent": 100 - first - second}],
        "textbook": dice.maybe(dice.pick(("Rivers and Reason", "A Short Way to Proof", "Salt, Silk, Silver", "Sounds in Order", "The Patient Cook", "Ground Truth"))),
        "begins": begins, "exam": dice.later(begins, 80, 110), "room": dice.code("?~.##"), "time": dice.clock(8, 17), "seats": dice.whole(12, 140),
        "mail": values.email(dice, teacher), "old_percent": dice.whole(1, 8),
    }  # fmt: skip


COURSE_SYLLABUS = DocumentType(
    "course_syllabus",
    "medium",
    fields.record(
        code=fields.text("As written"),
        title=fields.text(),
        instructor=fields.text("This term"),
        credits=fields.integer("This term"),
        assessment=fields.listed(fields.record(name=fields.text(), percent=fields.integer())),
        textbook=fields.optional(fields.text("Title of the required book")),
    ),
    _course,
    (
        Layout("en us gb eu", """
            {code}  {title}
            [Instructor|Lecturer]: {instructor} <{mail}> [(until last year {former})|(replaces {former})]
            [Credits|Credit points]: {credits} ([formerly|old rules:] {old_credits})   [Seats|Places]: {seats}
            [First meeting|Begins] {begins}, {time}, [room|hall] {room}
            [Assessment|Grading]:
            {#assessment}  {name:<16} {percent:>3} %
            {/}{?textbook}[Required reading|Textbook]: {textbook}{/}{!textbook}[No textbook; a reader is handed out|Slides instead of a book]{/}
            [Exam week from|Examinations] {exam}
            """),
        Layout("en in us", """
            [Welcome to|This is] {code}, {title}! [I am {instructor} and took the course over from {former}|The course passed from {former} to me, {instructor}]; [write to|mail] {mail}. [We meet at|Come at] {time} in {room}, [for the first time on|beginning] {begins}. [You earn|It is worth] {credits} credits[, not {old_credits} as the printed guide says|; under the old rules it was {old_credits}]. [Your grade|The mark] [rests on|is made of]: {#assessment}<{percent} % for the {name}|the {name} with {percent} %>, {/}[and no bonus points|nothing else]. {?textbook}[Please buy|We work with] "{textbook}".{/}{!textbook}[You need no book.|There is nothing to buy.]{/} [There are {seats} seats.|The examinations begin on {exam}.]
            """),
        Layout("de ch", """
            [Modul|Lehrveranstaltung] {code}: {title}
            [Dozent/in|Leitung]: {instructor} ([Nachfolge von|bisher] {former}), {mail}
            [Leistungspunkte|ECTS]: {credits} (alte Ordnung: {old_credits}); [Plätze|Teilnehmende]: {seats}
            [Beginn|Start] {begins}, {time} Uhr, Raum {room}; [Prüfungen ab|Klausurwoche] {exam}
            [Bewertung|Prüfungsleistung]: {#assessment}{name} {percent} %; {/}
            {?textbook}[Lehrbuch|Pflichtlektüre]: {textbook}{/}{!textbook}[Kein Lehrbuch|Ohne Lehrbuch, Skript liegt aus]{/}
            """),
    ),
)  # fmt: skip

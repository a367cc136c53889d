"""People writing to each other: absence notes, tickets, minutes, chats."""

from llm_eval.datasets.generate import fields, values
from llm_eval.datasets.generate.dice import Dice
from llm_eval.datasets.generate.document import DocumentType, Layout
from llm_eval.datasets.generate.locales import Locale
from llm_eval.datasets.generate.template import Facts


def _absence(dice: Dice, locale: Locale) -> Facts:
    start = dice.day()
    names = values.people(dice, locale, 3)
    return {
        "employee": names[0], "substitute": names[1], "boss": names[2], "first_day": start,
        "back_on": dice.later(start, 4, 40), "written": dice.later(start, -9, -1),
        "substitute_mail": values.email(dice, names[1]), "firm": values.company(dice, locale),
        "phone": values.phone(dice, locale), "desk": values.phone(dice, locale),
        "subject": dice.pick(("Spring catalogue", "Offer", "Delivery dates", "Contract draft",
                              "Question on your list", "Trade fair", "Samples", "Audit papers")),
    }  # fmt: skip


OUT_OF_OFFICE = DocumentType(
    "out_of_office",
    "easy",
    fields.record(
        employee=fields.text("Who is away"),
        first_day=fields.day("First day away"),
        back_on=fields.day("First day back"),
        substitute=fields.text(),
        substitute_mail=fields.text("E-mail address"),
    ),
    _absence,
    (
        Layout("en us gb", """
            [Automatic reply|Auto: |Re]: {subject}

            [Thank you for your message|Hello, and thanks for writing|Dear sender]. [I am away from|I shall be out of the office from] {first_day} and [back at my desk on|back again on|return on] {back_on}. [In urgent cases|If it cannot wait,|Meanwhile] [please turn to|write to|ask] {substitute} ({substitute_mail}, [tel.|phone] {phone}). [Your mail is not forwarded.|Mail will be answered when I return.|]

            {employee}
            {firm}, {desk}
            """),
        Layout("de ch", """
            [Abwesenheitsnotiz|Automatische Antwort|Ich bin nicht im Haus]: {subject}

            [Guten Tag|Vielen Dank für Ihre Nachricht], [ich bin ab dem|vom] {first_day} [nicht im Büro|abwesend] und ab dem {back_on} wieder [erreichbar|da]. [In dringenden Fällen hilft|Vertreten werde ich von] {substitute}, {substitute_mail}, [Durchwahl|Tel.] {phone}.

            [Freundliche Grüße|Mit besten Grüßen] – {employee}, {firm}, {desk}
            """),
        Layout("en eu in", """
            [ABSENCE NOTICE|Notice to all teams|Staff absence], [posted|entered] {written}
            [Who|Name|Colleague]: {employee} ({firm})
            [Away from|First day of absence|Out from]: {first_day}
            [Back on|First day back|At work again]: {back_on}
            [Cover|Stand-in|Deputy]: {substitute} <{substitute_mail}>
            [Phone of the cover|Extension of the deputy]: {phone}
            [Approved by|Line manager]: {boss}
            """),
        Layout("fr", """
            [Réponse automatique|Absence|Message d'absence] : {subject}

            Bonjour, [je suis absent(e) du bureau à partir du|je serai en congé dès le] {first_day}[, retour le| ; je reviens le] {back_on}. [Pour toute urgence|En mon absence], [veuillez vous adresser à|merci d'écrire à] {substitute}, {substitute_mail} ([tél.|ligne directe] {phone}).

            {employee} – {firm} – {desk}
            """),
    ),
)  # fmt: skip

_PROBLEMS = (
    "the export stops at 99 percent", "labels print upside down", "login loops back to the start",
    "search finds nothing since Monday", "invoices show the wrong tax rate",
    "the app closes when a photo is added", "two users overwrite each other's notes",
    "the scanner beeps but reads no code", "mails arrive without attachments",
    "the map stays grey", "totals are rounded twice", "the calendar is one hour off",
)  # fmt: skip
_TRIED = (
    "cleared the cache", "reinstalled the app", "restarted the router", "changed the password",
    "used another browser", "switched off the firewall", "borrowed a second cable",
    "updated the driver", "tried a new account", "checked the time zone", "removed the add-ons",
)  # fmt: skip


def _ticket(dice: Dice, locale: Locale) -> Facts:
    customer, agent, other = values.people(dice, locale, 3)
    opened = dice.day()
    return {
        "ticket_id": dice.code(dice.pick(("SUP-#####", "#~####", "HD~###-??"))),
        "customer": customer, "agent": agent, "other": other, "opened": opened,
        "product": f"{dice.pick(('Ledgerly', 'Pakkit', 'Notavo', 'Rotaboard', 'Kassa Pro', 'Mapwell', 'Fleetbook', 'Tallyhouse'))} {dice.whole(2, 9)}.{dice.whole(0, 9)}",
        "old": f"{dice.whole(1, 9)}.{dice.whole(10, 19)}", "problem": dice.pick(_PROBLEMS),
        "priority": (chosen := dice.pick(("low", "normal", "high", "urgent"))),
        "before": dice.pick([level for level in ("low", "normal", "high") if level != chosen]),
        "steps_tried": dice.some(_TRIED, dice.whole(2, 3)), "not_tried": dice.pick(_TRIED[-1:]),
        "order_number": dice.maybe(dice.code("######-~")), "callback": values.phone(dice, locale),
        "since": dice.later(opened, -8, -1), "firm": values.company(dice, locale),
        "mail": values.email(dice, customer), "time": dice.clock(),
    }  # fmt: skip


SUPPORT_TICKET = DocumentType(
    "support_ticket",
    "medium",
    fields.record(
        ticket_id=fields.text(),
        customer=fields.record(name=fields.text(), email=fields.text()),
        product=fields.text("Name and version that the customer uses"),
        priority=fields.choice(("low", "normal", "high", "urgent"), "In force now"),
        steps_tried=fields.listed(fields.text(), "As written"),
        order_number=fields.optional(fields.text()),
    ),
    lambda dice, locale: (facts := _ticket(dice, locale))
    | {"customer": {"name": facts["customer"], "email": facts["mail"]}},
    (
        Layout("en us gb eu", """
            [Ticket|Case|Request] {ticket_id}   [opened|created] {opened} {time}
            [Customer|Reported by]: {customer.name} <{customer.email}>, {firm}
            [Product|Software]: {product} ([upgraded from|before that] {old})
            [Priority|Severity]: {before} → {priority} ([changed|set] by {agent})
            {?order_number}[Order|Licence order]: {order_number}
            {/}[Problem|Summary]: {problem}, [since|first seen] {since}
            [Already tried|Steps taken]:
            {#steps_tried}  - {.}
            {/}[Next step|To do]: {other} [calls back on|will ring] {callback}
            """),
        Layout("en us in", """
            [Hello support|Hi there|Dear help desk],

            [I write again about|this concerns|it is about] ticket {ticket_id}. [In|With] {product} {problem}; [it began on|we have had this since] {since}[, the day after we left {old}| and version {old} was fine]. [So far|Until now|Before writing] I {steps_tried:and}. {?order_number}[We bought it under|Our] order number {order_number}.{/}{!order_number}[I do not have the order number here.|The order was placed by another department.]{/}

            [{agent} put this down as {before}, but nobody here can work: please treat it as {priority}.|You filed it as {before}; {agent} agreed on the phone today to make it {priority}.]

            {customer.name}, {firm}
            {customer.email}
            """),
        Layout("en gb", """
            [{time}|At {time}] {agent}: [Good day, help desk, who is there?|Welcome to the help desk.]
            {customer.name}: [Hello, my ticket is|It is about] {ticket_id}. {problem}. [We run|I use] {product}.
            {agent}: [And which mail address can I use|Where can I write to]?
            {customer.name}: {customer.email}[, not the one of {other}|]
            {agent}: [What have you tried|Anything done so far]?
            {customer.name}: [Well, I|I have] {steps_tried:and}. [No luck.|That did not help.]
            {?order_number}{customer.name}: [the order was|order no.] {order_number}
            {/}{agent}: [Thanks. It was marked {before}, I change that to {priority}.|I see it came in as {before}. That is wrong, I make it {priority} now.]
            """),
    ),
)  # fmt: skip

_TASKS = (
    "get three offers for the roof", "write the press note", "renew the lease of the van",
    "test the backup", "order new badges", "book the hall", "draft the budget", "call the auditor",
    "translate the leaflet", "repair the projector", "update the contact list", "hire a trainee",
    "check the fire doors", "send the photos to the printer", "compare insurance tariffs",
    "clear out the store room", "prepare the volunteer day", "find a new caterer",
    "publish the timetable", "count the stock", "plan the move", "answer the council's letter",
)  # fmt: skip


def _minutes(dice: Dice, locale: Locale) -> Facts:
    names = values.people(dice, locale, 6)
    held = dice.day()
    present = names[: dice.whole(3, 4)]
    actions = [
        {"owner": dice.pick(present), "task": task, "due": dice.later(held, 5, 70)}
        for task in dice.some(_TASKS, dice.whole(2, 3))
    ]
    moved = dice.later(held, 5, 30)
    return {
        "body": dice.pick(("Works council", "Parish hall committee", "Release team", "Choir board",
                           "Allotment association", "Steering group", "Editorial board",
                           "School parents' council", "Harbour users' group")),
        "date": held, "chair": present[0], "present": present, "apologies": names[4:5],
        "secretary": present[-1], "actions": actions, "first_due": moved,
        "corrected": dice.pick(actions)["task"], "done_task": dice.pick(_TASKS),
        "next_meeting": dice.maybe(dice.later(held, 14, 60)), "last": dice.later(held, -60, -14),
        "time": dice.clock(9, 19), "end": dice.clock(20, 22), "absentee": names[4],
        "guest": names[5], "room": dice.pick(("Room", "Hall", "Annex")) + f" {dice.whole(1, 40)}",
    }  # fmt: skip


MEETING_MINUTES = DocumentType(
    "meeting_minutes",
    "hard",
    fields.record(
        body=fields.text("Who met"),
        date=fields.day("Of this meeting"),
        chair=fields.text(),
        present=fields.listed(fields.text(), "Members, without guests"),
        apologies=fields.listed(fields.text(), "Absent with excuse"),
        actions=fields.listed(
            fields.record(
                task=fields.text("As written"), owner=fields.text(), due=fields.day()
            ),
            "New tasks only",
        ),
        next_meeting=fields.optional(fields.day()),
    ),
    _minutes,
    (
        Layout("en us gb eu", """
            {body} – [minutes|notes of the meeting], {date}, {time}–{end}, {room}

            [Chair|In the chair]: {chair}    [Minutes|Taken by]: {secretary}
            [Present|Members present]: {present}
            [Apologies|Excused]: {apologies}    [Guest|Visitor]: {guest}

            1. [The minutes of {last} were approved.|Minutes of {last}: agreed without change.]
            2. [Done since then|Closed]: {done_task}.
            3. [Actions|New tasks|To do]
            {#actions}   - {task} | {owner} | {due}
            {/}4. {?next_meeting}[Next meeting|We meet again]: {next_meeting}{/}{!next_meeting}[The next date will be agreed by mail.|No date was set for the next meeting.]{/}
            """),
        Layout("en us in gb", """
            [Dear all|Hello everyone|To the members],

            [here is what we agreed at|a short record of] the meeting of the {body} on {date}[ in {room}|]. [{present:and} were there, with {chair} in the chair|{chair} chaired; present were {present:and}]. {apologies:and} [had sent apologies|could not come and said so before]; {guest} [looked in as a guest|came as a guest for the first item]. [The task of {last} is closed|Since {last} one thing was done]: {done_task}.

            {#actions}<{owner} will {task} by {due}.|{owner} has until {due} to {task}.|To {task} is up to {owner}, at the latest on {due}.> {/}[At first we had said {first_due} for one of these; the dates above are the ones that hold.|]

            {?next_meeting}[We meet again on|Keep free for the next meeting:] {next_meeting}.{/}{!next_meeting}[When we meet next is still open.|I shall send round dates for the next meeting.]{/}

            {secretary}
            """),
        Layout("de ch", """
            Protokoll: {body}
            [Sitzung vom|Datum] {date}, {time} bis {end} Uhr, {room}
            [Leitung|Vorsitz]: {chair} / [Protokoll|Schriftführung]: {secretary}
            [Anwesend|Teilnehmende]: {present}
            [Entschuldigt|Entschuldigt fehlt]: {apologies}
            [Gast|Als Gast]: {guest}

            TOP 1 Protokoll vom {last} [genehmigt|ohne Änderung angenommen]; erledigt: {done_task}
            TOP 2 [Neue Aufgaben|Beschlüsse und Aufgaben]
            {#actions}  * {owner}: {task} <(bis {due})|– Termin {due}>
            {/}TOP 3 {?next_meeting}[Nächste Sitzung|Nächster Termin] am {next_meeting}{/}{!next_meeting}[Nächster Termin wird noch bekannt gegeben|Kein neuer Termin vereinbart]{/}
            """),
    ),
)  # fmt: skip

_DISHES = (
    "potato salad", "lemonade", "folding chairs", "a gas cooker", "the speakers", "dolma",
    "flatbread", "plum cake", "a first-aid kit", "paper cups", "the tent", "grilled peppers",
    "samosas", "a badminton net", "charcoal", "rice balls", "a guitar", "apple juice", "olives",
)  # fmt: skip
_SPOTS = ("the weir", "Castle Park", "the old quarry", "Pier 4", "the boathouse", "Gate C",
          "the bandstand", "Fox Meadow", "the station café", "the lighthouse", "the north lawn",
          "the bridge by the mill", "Elm Square", "the town hall steps")  # fmt: skip


def _chat(dice: Dice, _: Locale) -> Facts:
    host, *others = values.given_names(dice, 5)
    day = dice.day()
    bring = dice.some(_DISHES, 4)
    old_place, place = dice.some(_SPOTS, 2)
    start = dice.whole(9, 18)
    return {
        "occasion": dice.pick(("picnic", "birthday", "farewell do", "summer party", "boat trip",
                               "reunion", "street party", "clean-up day", "film night")),
        "organiser": host, "a": others[0], "b": others[1], "c": others[2], "d": others[3],
        "old_date": day, "date": dice.later(day, 1, 14), "old_place": old_place, "place": place,
        "old_time": f"{start:02}:00", "time": f"{start + 1:02}:{dice.pick(('15', '30', '45'))}",
        "contributions": [{"person": host, "item": bring[0]}, {"person": others[0], "item": bring[1]},
                          {"person": others[1], "item": bring[2]}],
        "x": bring[0], "y": bring[1], "z": bring[2], "not_needed": bring[3],
        "not_coming": [others[2]], "t": f"{dice.whole(17, 21)}:1", "minute": dice.whole(0, 4),
        "rain_place": dice.maybe(dice.pick(("the gym", "my garage", "the parish hall", "our barn"))),
    }  # fmt: skip


GROUP_CHAT = DocumentType(
    "group_chat",
    "hard",
    fields.record(
        occasion=fields.text("One or two words, as first named"),
        organiser=fields.text("Who started it"),
        date=fields.day("Agreed in the end"),
        time=fields.text("Agreed in the end, HH:MM"),
        place=fields.text("Agreed in the end"),
        rain_place=fields.optional(fields.text("If it rains")),
        contributions=fields.listed(
            fields.record(person=fields.text(), item=fields.text()), "Who brings what in the end"
        ),
        not_coming=fields.listed(fields.text()),
    ),
    _chat,
    (
        Layout("en us gb", """
            [{t}0|{t}1] {organiser}: [so, {occasion}?|who is up for a {occasion}?|{occasion} time!] [I thought|how about|maybe] {old_date}, {old_time}, {old_place}
            [{t}2|{t}3] {a}: [love it. I'll bring|yes!! I do] {y}
            [{t}4|{t}5] {b}: {old_date} [is bad, we have visitors|I work until late]. {date}?
            [{t}6|{t}6] {c}: [can't make {date}, sorry|then without me, I am away on {date}], [but have fun|next time]. [was going to bring {not_needed}|]
            [{t}7|{t}7] {organiser}: [ok {date} it is|{date} then]. [and|but] {old_place} is [closed|full of wasps|taken that day], so {place}
            {t}8 {a}: {time} [please, not {old_time}|would be better for the kids than {old_time}]
            {t}8 {organiser}: [fine, {time}|{time}, done]. I bring {x}. {?rain_place}[if it rains we go to|bad weather: in] {rain_place}{/}
            {t}9 {b}: [me: {not_needed}. no wait, we have none. {z}!|{z} from me, not {not_needed} as I said to {a}]
            """),
        Layout("en eu in", """
            #[plans|weekend|general] – {old_date:iso}

            **{organiser}** [I would like to organise a {occasion}|Let's have a {occasion}]. [First idea|Proposal]: {old_date} at {old_time}, {old_place}.
            **{b}** [-1 for the date.|That day does not work.] [I could do|What about] {date}?
            **{a}** +1 for {date}. [But make it|Could we say] {time} [instead of|and not] {old_time}?
            **{c}** [Not there on {date}, count me out.|I will not be in town then.] [{not_needed} stays at home with me.|]
            **{organiser}** *edited* Final: {date}, {time}, {place} ([not|no longer] {old_place}). {?rain_place}[Rain plan|In case of rain]: {rain_place}.{/} [On the list so far: me {x}, {a} {y}, {b} {z}.|Food etc.: {x} (me), {y} ({a}), {z} ({b}).]
            """),
        Layout("en us", """
            [From the chat history|Exported chat|Chat export], [5 people|participants: 5]

            {organiser}
            [Hi all! {occasion} on {old_date}? Meet {old_time} at {old_place}.|I am planning a {occasion}: {old_date}, {old_place}, from {old_time}.]

            {d}
            [👍 but no heavy lifting please|Sounds good, I just come and eat]

            {b}
            [Could we move it? {date} is easier.|I would need {date}, exams before that.] [I would have {not_needed}... or rather {z}, the other thing broke.|I bring {z}; {not_needed} was a joke.]

            {organiser}
            [Moved to|New date:] {date}. [And new place|Place changes too]: {place}, {time}. [I carry|My part:] {x}. {?rain_place}[Plan B when wet is|Rain? Then] {rain_place}.{/}

            {a}
            {y} [will come with me|is on me]. {old_time} [was too early anyway|would not have worked for me]!

            {c}
            [So sorry, I have to skip this one|Have to pass, family visit].
            """),
    ),
)  # fmt: skip


def _reservation(dice: Dice, locale: Locale) -> Facts:
    party = dice.whole(3, 11)
    hour = dice.whole(17, 20)
    return {
        "guest": values.person(dice, locale), "staff": values.given_names(dice, 1)[0],
        "restaurant": dice.pick(("Zum Anker", "La Mésange", "The Copper Pot", "Osteria Lupo",
                                 "Kiku", "Taverna Elia", "The Blue Heron", "Casa Mirto", "Saffron & Rye")),
        "date": dice.day(), "time": f"{hour}:{dice.pick(('00', '15', '30', '45'))}",
        "offered": f"{hour + 1}:{dice.pick(('00', '30'))}",
        "party": {"adults": party - 1, "children": dice.whole(1, 4)}, "old_party": party + 2,
        "requests": dice.some(("a high chair", "a table by the window", "no nuts", "a vegan menu",
                               "space for a wheelchair", "a quiet corner", "gluten-free bread",
                               "a table outside"), dice.whole(1, 2)),
        "phone": (phone := values.phone(dice, locale)), "line": dice.maybe(phone, 0.6),
        "deposit": dice.whole(5, 20), "last_visit": dice.day("2020-02-01", "2022-12-20"),
    }  # fmt: skip


RESERVATION = DocumentType(
    "table_reservation",
    "medium",
    fields.record(
        guest=fields.text("Name of the booking"),
        restaurant=fields.text(),
        date=fields.day(),
        time=fields.text("Agreed time, HH:MM"),
        party=fields.record(adults=fields.integer(), children=fields.integer()),
        requests=fields.listed(fields.text(), "As written"),
        phone=fields.optional(fields.text("Of the guest")),
    ),
    lambda dice, locale: (facts := _reservation(dice, locale)) | {"phone": facts["line"]},
    (
        Layout("en us gb", """
            [Guest|Web visitor|You]: [Hello {restaurant}, a table on {date} please, around {offered}|Hi! Is there room at {restaurant} on {date}, {offered}]?
            {staff}: [{offered} is full. I could do {time}.|Sorry, at {offered} there is a wedding party; {time} would work.]
            Guest: [Good, {time}|{time} is fine]. [We are {party.adults} adults and {party.children} children|{party.adults} grown-ups plus {party.children} kids][, not {old_party} as on the form|].
            {staff}: [Anything we should know|Special wishes]?
            Guest: {requests:and}, [please|if possible].
            {staff}: [Which name|The name, please]?
            Guest: {guest}{?phone}, [my number is|reachable on] {phone}{/}[. We were there on {last_visit} and loved it|].
            """),
        Layout("de ch", """
            [Reservierung|Tischreservierung] {restaurant}
            [Name|Auf den Namen]: {guest}
            [Datum|Tag]: {date}, [Wunschzeit|gewünscht] {offered}, [bestätigt|vergeben] {time}
            [Personen|Gäste]: {party.adults} Erwachsene, {party.children} Kinder [(statt {old_party})|]
            [Wünsche|Besonderes]: {requests}
            {?phone}[Rückruf|Telefon]: {phone}
            {/}[Anzahlung je Person|Anzahlung p. P.] {deposit}. [Letzter Besuch|Zuletzt hier]: {last_visit}. [Angenommen von|Notiert:] {staff}
            """),
        Layout("en eu in", """
            [Dear guest|Dear {guest}|Good evening],

            [we confirm|this confirms|thank you for] your table at {restaurant} [for|on] {date}[, booked as {guest}| in the name of {guest}]. [You asked for {offered}, but the kitchen can seat you only at {time}|Instead of {offered} it will be {time}]. [We expect|The table is laid for] {party.adults} adults and {party.children} children. [We have taken note of|We shall see to]: {requests:and}. [A deposit of {deposit} a head applies to parties over {old_party}.|] {?phone}[If anything changes we ring you on|We would call you at] {phone}.{/}

            {staff}, {restaurant}
            """),
    ),
)  # fmt: skip

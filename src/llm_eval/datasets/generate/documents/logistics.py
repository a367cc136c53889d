"""Goods and places on the move: labels, delivery notes, customs, vehicles, homes."""

from llm_eval.datasets.generate import fields, values
from llm_eval.datasets.generate.dice import Dice
from llm_eval.datasets.generate.document import DocumentType, Layout
from llm_eval.datasets.generate.locales import Locale
from llm_eval.datasets.generate.template import Facts


def _label(dice: Dice, locale: Locale) -> Facts:
    street, _, town = values.address(dice, locale).partition(", ")
    receiver, sender = values.people(dice, locale, 2)
    return {
        "recipient": receiver, "sender": sender, "street": street, "town": town,
        "tracking_number": dice.code(dice.pick(("?? ### ### ### ??", "1?~######~##", "JJD##########"))),
        "weight_kg": dice.amount(0.3, 28, dice.pick((1, 2))), "sent": dice.day(),
        "sender_address": values.address(dice, locale), "customer_code": dice.code("K-#####"),
        "service": dice.pick(("Express 12", "Economy", "Same Day", "Standard", "Night Line")),
        "length": dice.whole(15, 90), "width": dice.whole(10, 60), "height": dice.whole(4, 50),
        "phone": values.phone(dice, locale),
    }  # fmt: skip


SHIPPING_LABEL = DocumentType(
    "shipping_label",
    "easy",
    fields.record(
        recipient=fields.text("Person"),
        street=fields.text("Street and number of the recipient"),
        tracking_number=fields.text("As printed, with blanks"),
        weight_kg=fields.number(),
        sent=fields.day("Date of posting"),
    ),
    _label,
    (
        Layout("en us gb eu", """
            [SHIP TO|DELIVER TO|TO]:
            {recipient}
            {street}
            {town}
            [Tel.|Phone] {phone}

            [FROM|SENDER|RETURN TO]: {sender}, {sender_address}
            [TRACKING|Tracking no.|Parcel no.]  {tracking_number}
            {service}   [Weight|WT] {weight_kg} kg   {length}x{width}x{height} cm
            [Ship date|Posted] {sent}   [Ref|Cust. ref] {customer_code}
            """, scan=True),
        Layout("de ch", """
            [Paketmarke|Versandschein|Einlieferungsbeleg] {service}
            [Empfänger|An]: {recipient}, {street}, {town}
            [Absender|Von]: {sender}, {sender_address}
            [Sendungsnummer|Sendungs-Nr.]: {tracking_number}
            [Gewicht|Gew.]: {weight_kg} kg, [Maße|Format] {length} x {width} x {height} cm
            [Einlieferung|Aufgegeben am]: {sent}, [Kundennr.|Kunde] {customer_code}, [Tel.|Rückfragen] {phone}
            """),
        Layout("en in us", """
            [Your parcel is on its way|It is on the road|Good news from our depot]! [On|Since] {sent} we [have|carry] a parcel [from {sender}|that {sender} handed in] [with a weight of|weighing] {weight_kg} kg. [It goes|We bring it] by {service} to {recipient} at {street}, {town}. [Follow it with|The tracking number is] {tracking_number}. [Nobody at home? Call {phone}.|Questions: {phone}, quoting {customer_code}.]
            """),
    ),
)  # fmt: skip


def _delivery(dice: Dice, locale: Locale) -> Facts:
    lines = values.price_lines(dice, locale, dice.whole(2, 4), 60)
    for line in lines:
        line["ordered"] = int(str(line["quantity"])) + dice.pick((0, 0, 2, 5))
    sent = dice.day()
    return {
        "note_number": dice.code(dice.pick(("DN-#####", "LS ######", "80######"))), "date": sent,
        "ordered_on": dice.later(sent, -30, -4), "order": dice.code("B-#####"),
        "carrier": dice.pick(_CARRIERS), "lines": lines, "packages": dice.whole(1, 9),
        "recipient": values.company(dice, locale), "place": values.address(dice, locale),
        "supplier": values.company(dice, locale), "driver": values.person(dice, locale),
        "received_by": dice.maybe(values.person(dice, locale), 0.6), "kilos": dice.whole(12, 740),
        "plate": dice.code("??-?? ###"), "time": dice.clock(),
    }  # fmt: skip


_CARRIERS = ("Torrvik Freight", "Rapido Sur", "Nordhafen Spedition", "Swiftline Couriers", "Bluegate Haulage",
             "Transalpa", "Kranich Cargo", "Oakhurst Carriers", "Vasco Express")  # fmt: skip
DELIVERY_NOTE = DocumentType(
    "delivery_note",
    "medium",
    fields.record(
        note_number=fields.text(),
        date=fields.day("Of the delivery"),
        carrier=fields.text("Company"),
        recipient=fields.text("Company"),
        lines=fields.listed(
            fields.record(
                description=fields.text(), quantity=fields.integer("Delivered, not ordered")
            )
        ),
        received_by=fields.optional(fields.text("Person who signed")),
    ),
    _delivery,
    (
        Layout("en us gb eu", """
            DELIVERY NOTE {note_number}          {supplier}
            [Consignee|Deliver to|Recipient]: {recipient}, {place}
            [Date|Delivered]: {date} {time}     [Order|Your order] {order} of {ordered_on}
            [Carrier|Haulier]: {carrier}, [driver|at the wheel] {driver}, {plate}

            [Article|Goods]                     ordered  delivered
            {#lines}{description:<28} {ordered:>7} {quantity:>9}
            {/}
            {packages} [packages|pallets|crates], [gross|in all] {kilos} kg
            {?received_by}[Received in good order|Signed for by|Goods received]: {received_by}{/}{!received_by}[Left at the gate, no signature|Signature: ______________]{/}
            """, scan=True),
        Layout("de ch", """
            {supplier}
            Lieferschein {note_number}, [Lieferung vom|Lieferdatum] {date}
            [zu|betrifft] Bestellung {order} vom {ordered_on}
            [Empfänger|Warenempfänger]: {recipient}, {place}
            [Spedition|Frachtführer]: {carrier} ({driver}, {plate})
            {#lines}- {description}: {quantity} <geliefert, bestellt {ordered}|Stück (bestellt waren {ordered})>
            {/}[Packstücke|Kolli]: {packages}, [Gewicht|brutto] {kilos} kg
            {?received_by}[Ware erhalten|Quittiert von]: {received_by}{/}{!received_by}[Unterschrift des Empfängers: fehlt|Ohne Unterschrift abgestellt]{/}
            """),
        Layout("en in gb", """
            [Goods-in report|From the yard|Report of the gate], {date}: {carrier} [came|arrived] at {time} with delivery note {note_number} from {supplier} [for|addressed to] {recipient}. [We unloaded|On the lorry were] {packages} packages, {kilos} kg. {#lines}<Counted: {quantity} {description} (ordered {ordered}).|{description}: {quantity} there, {ordered} on the order.|Of {ordered} {description} ordered, {quantity} came.> {/}[The order behind it is|It belongs to order] {order}, {ordered_on}. {?received_by}{received_by} [signed the note|signed for it].{/}{!received_by}[Nobody was there to sign.|The note went back unsigned.]{/} [Driver|At the wheel]: {driver}, {plate}.
            """),
    ),
)  # fmt: skip

_TARIFF = (
    ("6912.00", "stoneware bowls"), ("9403.60", "wooden shelves"), ("4202.92", "canvas bags"),
    ("0902.10", "green tea"), ("9206.00", "hand drums"), ("6302.60", "bath towels"),
    ("8205.51", "kitchen tools"), ("4901.99", "printed books"), ("9503.00", "wooden toys"),
    ("7013.37", "drinking glasses"), ("6110.20", "cotton pullovers"), ("2106.90", "spice mixes"),
    ("8513.10", "head torches"), ("9105.21", "wall clocks"), ("3406.00", "beeswax candles"),
)  # fmt: skip
_COUNTRIES = ("Japan", "Morocco", "Vietnam", "Türkiye", "Peru", "Ghana", "Nepal", "Mexico", "Kenya", "Norway", "Sri Lanka")  # fmt: skip


def _customs(dice: Dice, locale: Locale) -> Facts:
    goods = [
        {"hs_code": code, "description": name, "pieces": dice.whole(2, 90),
         "net_weight_kg": dice.amount(0.6, 88, 1), "value": dice.amount(35, 2400)}
        for code, name in dice.some(_TARIFF, dice.whole(2, 4))
    ]  # fmt: skip
    filed = dice.day()
    origin, via = dice.some(_COUNTRIES, 2)
    return {
        "declaration_number": dice.code("##??########??"), "filed": filed, "origin": origin,
        "via": via, "exporter": values.company(dice, locale), "importer": values.company(dice, locale),
        "agent": dice.maybe(values.person(dice, locale)), "currency": dice.pick(locale.currencies),
        "items": goods, "total_value": values.total(goods, "value"), "place": values.city(dice, locale),
        "gross": values.total(goods, "net_weight_kg") + dice.amount(2, 30, 1),
        "freight": dice.amount(40, 500), "arrived": dice.later(filed, -6, -1), "old": dice.amount(300, 900),
        "licence": dice.code("L-####"), "container": dice.code("????#######"),
    }  # fmt: skip


CUSTOMS_DECLARATION = DocumentType(
    "customs_declaration",
    "hard",
    fields.record(
        declaration_number=fields.text(),
        filed=fields.day("Date of the declaration"),
        importer=fields.text(),
        origin=fields.text("Country of origin"),
        agent=fields.optional(fields.text("Customs agent, a person")),
        items=fields.listed(
            fields.record(
                hs_code=fields.text(), description=fields.text(), net_weight_kg=fields.number(), value=fields.number()
            )
        ),
        currency=fields.currency(),
        total_value=fields.number("Of the goods, without freight"),
    ),
    _customs,
    (
        Layout("en us gb eu", """
            [CUSTOMS DECLARATION|IMPORT DECLARATION|ENTRY SUMMARY]   {declaration_number}
            [Exporter|Consignor]: {exporter}
            [Importer|Consignee]: {importer}
            [Country of origin|Origin]: {origin}    [shipped via|transit] {via}
            [Container|Unit] {container}, [arrived|landed] {arrived}
            {?agent}[Agent|Declared by the agent]: {agent}
            {/}
            HS code   goods               pieces   net kg      value
            {#items}{hs_code}   {description:<20} {pieces:>5} {net_weight_kg:>8} {value:>10}
            {/}
            [Value of goods|Total value of goods] {total_value:money}; [freight|carriage] {freight:money}; [gross weight|gross] {gross} kg
            [Done at|Lodged at|Filed:] {place}, {filed}
            """, scan=True),
        Layout("de ch", """
            Zollanmeldung [Nr.|MRN] {declaration_number}
            [angemeldet am|Datum der Anmeldung] {filed} in {place}, [eingetroffen|Ankunft der Ware] {arrived}
            [Einführer|Empfänger]: {importer}; [Ausführer|Versender]: {exporter}
            [Ursprungsland|Ursprung]: {origin} (über {via}, Container {container})
            {?agent}[Zollagent|Vertreten durch]: {agent}
            {/}{#items}– {hs_code} {description}, {pieces} St., <netto {net_weight_kg} kg, Wert {value}|{net_weight_kg} kg netto, {value} wert>
            {/}[Warenwert gesamt|Summe Warenwert] {total_value:money}, Fracht {freight:money}, brutto {gross} kg. [Der Wert in der Voranmeldung ({old}) ist überholt.|Lizenz {licence}.]
            """),
        Layout("en in eu", """
            [To the customs office at|For the attention of customs,] {place}

            [Please clear|We declare for import] the goods in container {container}, [which arrived|landed] on {arrived}[; the pro-forma of {exporter} said {old}, but please go by the values below|]. [They were made in {origin} and came by way of {via}|Origin is {origin}; {via} was only a port of call].

            {#items}<Under {hs_code} there are {pieces} {description}, {net_weight_kg} kg net, worth {value}.|{pieces} {description} ({hs_code}): net {net_weight_kg} kg, value {value}.> {/}

            [Together|In total] the goods are worth {total_value:money}, to which [freight of {freight:money} is to be added|{freight:money} of freight comes]; gross weight {gross} kg. [Our number|The declaration number] is {declaration_number}, [filed|dated] {filed}. {?agent}[Our agent is|Please talk to our agent,] {agent}.{/}

            {importer}
            """),
    ),
)  # fmt: skip


def _vehicle(dice: Dice, locale: Locale) -> Facts:
    year = dice.whole(2004, 2022)
    price = dice.whole(18, 300) * 100
    return {
        "model": f"{dice.pick(('Vireo', 'Tarn', 'Solano', 'Brisk', 'Kodiva', 'Elbe', 'Mirage-S', 'Pico', 'Orsa', 'Nomade'))} {dice.pick(('1.4', '2.0 TDI', 'Estate', 'Combi', 'Cross', 'GT', 'Electric', 'Van'))}",
        "year": year, "mileage_km": dice.whole(90, 2400) * 100 + dice.whole(0, 99),
        "price": price, "old_price": price + dice.whole(2, 20) * 50, "currency": dice.pick(locale.currencies),
        "colour": dice.pick(("dark green", "silver", "white", "brick red", "night blue", "sand", "black")),
        "owners": dice.whole(1, 4), "seller": values.person(dice, locale), "phone": values.phone(dice, locale),
        "serviced": dice.day("2023-01-04", "2025-11-20"), "city": values.city(dice, locale),
        "at_service": dice.whole(20, 89) * 1000, "tyres": dice.whole(2019, 2025), "doors": dice.pick((3, 5)),
    }  # fmt: skip


VEHICLE_ADVERT = DocumentType(
    "vehicle_advert",
    "easy",
    fields.record(
        model=fields.text("Make and model"),
        year=fields.integer("Year of first registration"),
        mileage_km=fields.integer("Now, in kilometres"),
        price=fields.integer("Asked now"),
        currency=fields.currency(),
    ),
    _vehicle,
    (
        Layout("en gb eu", """
            [For sale|FOR SALE]: {model}, {colour}, {doors} doors
            [First registered|Year]: {year}
            [Mileage|On the clock]: {mileage_km:n} km [(last service at {at_service:n}|(serviced at {at_service:n}], {serviced})
            [Owners|Previous owners]: {owners}, [tyres from|new tyres in] {tyres}
            [Price|Asking]: {price:money} [reduced from|was] {old_price:money}
            {seller}, {city}, {phone}
            """),
        Layout("de ch", """
            [Verkaufe|Zu verkaufen:|Abzugeben:] {model}, {colour}, [Erstzulassung|EZ] {year}, {mileage_km:n} km, {doors} Türen, {owners}. Hand. [Letzter Service|Inspektion] {serviced} bei {at_service:n} km, [Reifen von|Winterreifen] {tyres}. [Nicht mehr {old_price:n}, sondern|Statt {old_price:n} nur noch|Preis (bisher {old_price:n}):] {price:money}. [Anrufe bitte abends|Zu sehen in {city}]: {seller}, {phone}
            """),
        Layout("en in us", """
            [I am selling|Moving abroad, so I sell|We part with] my {model}[, {colour},| in {colour}] [first on the road in|built and registered in] {year}. [It has run|The counter shows] {mileage_km:n} km [so far|today]; [at the service on {serviced} it was {at_service:n}|the service of {serviced} was at {at_service:n}]. [I am owner number {owners}.|Owners so far: {owners}.] [Last month I wanted {old_price:money}, now I would take|The price is down from {old_price:money} to] {price:money}. [Come and see it in|It stands in] {city}; [ask for|ring] {seller}, {phone}.
            """),
        Layout("fr", """
            [À vendre|Vends|Annonce] : {model}, {colour}, {doors} portes
            [Mise en circulation|Année] : {year} – {mileage_km:n} km ([révision le|dernier entretien] {serviced} à {at_service:n} km)
            [Prix|Prix demandé] : {price:money} ([au lieu de|avant] {old_price:money})
            [Pneus de|Pneus changés en] {tyres}, {owners} propriétaire(s). {seller}, {city}, {phone}
            """),
    ),
)  # fmt: skip

_FEATURES = (
    "balcony", "fitted kitchen", "cellar", "lift", "parquet floor", "bicycle store", "garden",
    "fireplace", "bathtub", "parking space", "roof terrace", "underfloor heating", "storage room",
)  # fmt: skip


def _property(dice: Dice, locale: Locale) -> Facts:
    rent = dice.whole(38, 260) * 10
    listed = dice.day()
    return {
        "address": values.address(dice, locale), "rooms": dice.whole(1, 6), "area_m2": dice.whole(24, 168),
        "rent": {"net": rent, "charges": dice.whole(6, 40) * 5}, "old_rent": rent + dice.whole(1, 15) * 10,
        "currency": dice.pick(locale.currencies), "features": dice.some(_FEATURES, dice.whole(2, 4)),
        "listed": listed, "available_from": dice.maybe(dice.later(listed, 10, 90), 0.65),
        "viewing": dice.later(listed, 2, 9), "agent": values.person(dice, locale), "floor": dice.whole(1, 6),
        "built": dice.whole(1890, 2018), "phone": values.phone(dice, locale), "ref": dice.code("W~###"),
    }  # fmt: skip


PROPERTY_LISTING = DocumentType(
    "property_listing",
    "medium",
    fields.record(
        address=fields.text("On one line"),
        rooms=fields.integer(),
        area_m2=fields.integer(),
        rent=fields.record(net=fields.integer("Without charges"), charges=fields.integer()),
        currency=fields.currency(),
        features=fields.listed(fields.text()),
        available_from=fields.optional(fields.day()),
    ),
    _property,
    (
        Layout("en us gb eu", """
            [TO LET|FOR RENT|Flat to rent] – [ref.|listing] {ref}
            {address}, floor {floor}[, built {built}|]
            {rooms} [rooms|rooms in all], {area_m2} m²
            [Rent|Monthly rent] {rent.net:money} ([before|until last week] {old_rent:money}), [charges|service charge] {rent.charges:money}
            [With|Features]: {features}
            {?available_from}[Available from|Free from|Move in from] {available_from}{/}{!available_from}[Free by arrangement|Date by agreement]{/}
            [Viewing|Open door] {viewing}: {agent}, {phone}   ([online since|listed] {listed})
            """),
        Layout("de ch", """
            {rooms}-Zimmer-Wohnung, {area_m2} m², {floor}. [Stock|Etage], [Baujahr|erbaut] {built}
            [Lage|Adresse]: {address}
            [Kaltmiete|Nettomiete] {rent.net:money} ([zuvor|Vormieter zahlte] {old_rent:money}), [Nebenkosten|NK] {rent.charges:money}
            [Ausstattung|Extras]: {features}
            {?available_from}[Frei ab|Bezug ab|Verfügbar ab] {available_from}{/}{!available_from}[Bezug nach Absprache|Termin nach Vereinbarung]{/}
            [Besichtigung|Termin zum Ansehen]: {viewing}, {agent}, {phone}. [Inserat|Nr.] {ref} vom {listed}.
            """),
        Layout("en in eu", """
            [A friend is looking for|We seek|Wanted:] a new tenant for the flat at {address}. [It is on floor {floor} of a house from {built}|The house dates from {built}, the flat is on floor {floor}] and has {rooms} rooms [on|with] {area_m2} square metres{#features}, <a|one|even a> {.}{/}. [The rent used to be {old_rent:money} and is now|Do not mind the {old_rent:money} on the old poster; it is] {rent.net:money} [a month plus|, and on top come] {rent.charges:money} of charges. {?available_from}[You could move in from|It is free from] {available_from}.{/} [Come to the viewing on|Have a look on] {viewing} [and ask for|; contact:] {agent}, {phone}.
            """),
    ),
)  # fmt: skip


def _found(dice: Dice, locale: Locale) -> Facts:
    found = dice.day()
    return {
        "item": dice.pick(("tartan umbrella", "silver bracelet", "child's rucksack", "violin case",
                           "reading glasses in a tin", "grey wool hat", "bunch of five keys", "tablet computer",
                           "left glove, brown leather", "walking stick", "blue scooter", "camera strap")),
        "found_at": dice.pick(("Platform 3", "bus line 44", "the swimming pool", "the reading room", "Gate B12",
                               "tram stop Hafen", "the cloakroom", "row 9 of the cinema", "the ticket hall")),
        "found_on": found, "handed_in": dice.later(found, 0, 4), "reference": dice.code("F~-#####"),
        "finder": values.person(dice, locale), "keep_until": dice.later(found, 30, 190),
        "office": values.address(dice, locale), "clerk": values.person(dice, locale), "fee": dice.whole(2, 12),
    }  # fmt: skip


LOST_AND_FOUND = DocumentType(
    "lost_and_found",
    "easy",
    fields.record(
        item=fields.text(),
        found_at=fields.text("Place"),
        found_on=fields.day(),
        reference=fields.text(),
        finder=fields.text(),
    ),
    _found,
    (
        Layout("en us gb", """
            LOST PROPERTY OFFICE, {office}
            Item: {item}
            Found: {found_at}, {found_on}
            Handed in: {handed_in} by {finder}
            Reference: {reference}    Fee: {fee}
            Kept until {keep_until}. Clerk: {clerk}
            """, scan=True),
        Layout("en eu in", """
            Good morning, a passenger called {finder} brought us one {item} on {handed_in}. It had been lying at {found_at} since {found_on}. The entry is {reference}; if nobody asks for it by {keep_until}, it will be sold. Collection costs {fee}. {clerk}, {office}
            """),
        Layout("de ch", """
            Fundsache {reference}
            Gegenstand: {item}
            Fundort: {found_at}; Funddatum: {found_on}
            Finder/in: {finder} (abgegeben am {handed_in})
            Aufbewahrung bis {keep_until}, Gebühr {fee}. Fundbüro {office}, {clerk}
            """),
    ),
    held_out=True,
)  # fmt: skip

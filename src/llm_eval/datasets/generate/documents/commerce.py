"""Buying and selling: receipts, invoices, orders, product pages."""

from decimal import Decimal

from llm_eval.datasets.generate import fields, values
from llm_eval.datasets.generate.dice import Dice
from llm_eval.datasets.generate.document import DocumentType, Layout
from llm_eval.datasets.generate.locales import Locale
from llm_eval.datasets.generate.template import Facts


def _receipt(dice: Dice, locale: Locale) -> Facts:
    lines = values.price_lines(dice, locale, dice.whole(1, 3), 2)
    due = values.total(lines)
    bill = next(note for note in (20, 50, 100, 200, 500, 2000) if note > due)
    card = dice.chance(0.5)
    return {
        "merchant": values.shop(dice), "date": dice.day(), "time": dice.clock(8, 20),
        "total": due, "currency": dice.pick(locale.currencies), "lines": lines,
        "paid_by": "card" if card else "cash", "card": card, "cash": not card,
        "bill": bill, "change": bill - due, "number": dice.code("####-###"),
        "street": values.street(dice, locale), "city": values.city(dice, locale),
        "clerk": values.person(dice, locale),
    }  # fmt: skip


RECEIPT = DocumentType(
    "receipt",
    "easy",
    fields.record(
        merchant=fields.text("Trading name of the shop"),
        date=fields.day(),
        total=fields.number("Amount to pay"),
        currency=fields.currency(),
        paid_by=fields.choice(("cash", "card")),
    ),
    _receipt,
    (
        Layout("en us gb in", """
            {merchant}
            {street}, {city}
            [Receipt|Till slip|Sale|Docket] {number}   {date}  {time}
            --------------------------------
            {#lines}{quantity} x {description:<24} {line_total:>9}
            {/}--------------------------------
            [TOTAL|To pay|Total due]   {total:money}
            {?cash}[Cash|CASH tendered|Tendered in cash] {bill}   [Change|Your change] {change}{/}{?card}[Card|CARD payment|Contactless card] ****{number}{/}
            [Served by|You were served by|Till:] {clerk}
            [Thank you, come again!|Goods may be exchanged within 28 days.|Please keep this slip.|]
            """, scan=True),
        Layout("de ch", """
            {merchant}
            {street} · {city}
            [Kassenbon|Quittung|Bon-Nr.] {number}
            {#lines}{description:<22} {quantity} x {unit_price:>8}
            {/}
            [Summe|Gesamtbetrag|Zu zahlen] {total:money}
            {?cash}[Gegeben bar|Bar erhalten] {bill}, [Rückgeld|zurück] {change}{/}{?card}[Kartenzahlung|Girocard, kontaktlos|Bezahlt mit Karte]{/}
            [Datum|Verkauft am] {date}, {time}[ Uhr|]
            [Es bediente Sie|Kassierer:] {clerk}. [Vielen Dank für Ihren Einkauf!|Auf Wiedersehen!|Umtausch nur mit Bon.]
            """),
        Layout("en us eu", """
            [For the expense file|Note for bookkeeping|For my records|Petty cash note]: [on|dated] {date} [I|we] bought {#lines}{quantity} {description}, {/}[all from|everything at] {merchant} in {city}. {?cash}[We paid {total:money} in cash|Paid in notes, {total:money} altogether,] and [got|received] {change} back from {bill}.{/}{?card}[The card was charged|I paid by card,] {total:money} [in total|altogether|including tax].{/} [The slip has|Slip number] {number}[ on it|], [and {clerk} was at the till|signed by {clerk}|the assistant was {clerk}].
            """),
        Layout("fr", """
            {merchant} – {street}, {city}
            [Ticket de caisse|Reçu|Ticket] n° {number} [du|en date du] {date} à {time}
            {#lines}{quantity} × {description}  {line_total}
            {/}[Total à payer|Total TTC|Montant réglé] : {total:money}
            {?cash}[Espèces reçues|Payé en espèces] : {bill}  [Rendu|Monnaie] : {change}{/}{?card}[Carte bancaire|Paiement par carte sans contact|Réglé par CB]{/}
            [Votre conseiller|Caissier] : {clerk}. [Merci de votre visite !|À bientôt !|Échange sous 14 jours.]
            """),
    ),
)  # fmt: skip


def _product(dice: Dice, locale: Locale) -> Facts:
    price = dice.amount(9, 480)
    stock = dice.chance(0.6)
    product, other = values.goods(dice, locale, 2)
    return {
        "product": product, "other": other, "brand": values.shop(dice),
        "price": price, "old_price": price + dice.amount(4, 60),
        "currency": dice.pick(locale.currencies), "in_stock": stock, "out": not stock,
        "article_number": dice.code("??~###"), "stars": dice.amount(3, 5, 1),
        "reviews": dice.whole(4, 930), "weeks": dice.whole(2, 9), "years": dice.whole(2, 10),
        "width": dice.whole(12, 95), "height": dice.whole(12, 95), "kilos": dice.amount(0.4, 9, 1),
    }  # fmt: skip


PRODUCT_PAGE = DocumentType(
    "product_page",
    "easy",
    fields.record(
        product=fields.text("Name of the article, without the brand"),
        article_number=fields.text(),
        price=fields.number("Price now"),
        currency=fields.currency(),
        in_stock=fields.flag("Whether it can be sent at once"),
    ),
    _product,
    (
        Layout("en us gb", """
            [Home|Shop|Start] › [Household|Workshop|Living|New arrivals] › {other}

            {product} [by|from] {brand}
            ★ {stars} ({reviews} [reviews|ratings])
            [Now|Our price|Today] {price:money}   [was|instead of|RRP] {old_price:money}
            {?in_stock}[In stock|Available now – leaves our warehouse today|On the shelf, ready to ship]{/}{?out}[Out of stock|Sold out, back in {weeks} weeks|Currently unavailable]{/}
            [Item no.|Article|SKU] {article_number}  |  {width} × {height} cm, {kilos} kg
            [Customers also bought|You may also like|Goes well with]: {other}
            """),
        Layout("de ch", """
            {product}, [Marke|Hersteller:] {brand}
            [Art.-Nr.|Artikelnummer|Bestellnummer] {article_number}
            [Statt bisher|Alter Preis|UVP] {old_price:money} [jetzt nur|– Aktionspreis|heute] {price:money}
            [Maße|Abmessungen]: {width} x {height} cm, [Gewicht|ca.] {kilos} kg, {years} Jahre Garantie
            {?in_stock}[Sofort lieferbar|Auf Lager, Versand heute|Vorrätig]{/}{?out}[Derzeit nicht lieferbar|Ausverkauft|Leider vergriffen, Nachschub in {weeks} Wochen]{/}
            {reviews} Bewertungen ({stars} von 5). [Passend dazu|Oft dazu gekauft]: {other}
            """),
        Layout("en eu us in", """
            [Hello|Hi there|Good morning], [you asked about|thanks for asking about|here is what I found on] the {product} ([no.|article] {article_number}) [from|made by] {brand}. [It costs|The price is|We sell it for] {price:money} [since the sale began|at the moment|this season]; [before that it was|last year it was] {old_price:money}. {?in_stock}[We have some here and can post one today|It is in stock].{/}{?out}[I am afraid it is sold out; the next lot comes in {weeks} weeks|There is none left, and we expect more in {weeks} weeks].{/} [It weighs|Weight:] {kilos} kg, [and the guarantee runs|with a guarantee of] {years} years.
            """),
        Layout("fr es it", """
            {product} – {brand}
            Réf./Ref. {article_number} · {width} × {height} cm · {kilos} kg
            ~~{old_price:money}~~  →  {price:money}
            {?in_stock}[✔ disponible / available, 24 h|✔ en stock / in stock]{/}{?out}[✘ épuisé / sold out|✘ indisponible / not available]{/}
            ☆ {stars}/5 – {reviews} avis/reviews · + {other} · {years} ans/años/anni
            """),
    ),
)  # fmt: skip


def _invoice(dice: Dice, locale: Locale) -> Facts:
    lines = values.price_lines(dice, locale, dice.whole(2, 4))
    issued = dice.day()
    net = values.total(lines)
    rate = dice.pick((7, 19, 20, 21, 25))
    tax = (net * rate / 100).quantize(Decimal("0.01"))
    buyer, contact = values.company(dice, locale), values.person(dice, locale)
    return {
        "invoice_number": dice.code(dice.pick(("INV-####", "RE-20~#-####", "F~####/~#"))),
        "issue_date": issued, "due_date": dice.later(issued, 10, 60),
        "ordered": dice.later(issued, -40, -3), "delivered": dice.later(issued, -2, 0),
        "seller": values.company(dice, locale), "seller_place": values.address(dice, locale),
        "buyer": {"name": buyer, "vat_id": dice.maybe(dice.code("??#########"))},
        "buyer_place": values.address(dice, locale), "contact": contact,
        "seller_vat": dice.code("??#########"), "iban": values.iban(dice, locale),
        "currency": dice.pick(locale.currencies), "items": lines, "net": net, "rate": rate,
        "tax": tax, "total": net + tax, "vat": None, "order": dice.code("PO-#####"),
    }  # fmt: skip


INVOICE = DocumentType(
    "invoice",
    "hard",
    fields.record(
        invoice_number=fields.text(),
        issue_date=fields.day("Date of the invoice itself"),
        due_date=fields.day(),
        seller=fields.text(),
        buyer=fields.record(
            name=fields.text("The company"), vat_id=fields.optional(fields.text("Of the buyer"))
        ),
        currency=fields.currency(),
        items=fields.listed(
            fields.record(
                description=fields.text(), quantity=fields.integer(), unit_price=fields.number()
            )
        ),
        total=fields.number("Including tax"),
    ),
    lambda dice, locale: (facts := _invoice(dice, locale)) | {"vat": facts["buyer"]["vat_id"]},
    (
        Layout("en us gb eu", """
            {seller}
            {seller_place} | [Tax ID|VAT no.] {seller_vat}

            [INVOICE|Tax invoice|Invoice no.] {invoice_number}
            [Bill to|Sold to|Customer]: {buyer.name}, {buyer_place}
            {?vat}[Customer VAT ID|Your VAT no.]: {vat}
            {/}[Attn.|For the attention of] {contact}
            [Order|Your order] {order} [of|dated] {ordered}, [delivered|dispatched] {delivered}
            [Invoice date|Issued]: {issue_date}      [Payable by|Due|Pay before]: {due_date}

            {#items}{quantity:>3}  {description:<26} {unit_price:>9} {line_total:>10}
            {/}
            [Subtotal|Net] {net:money}   [VAT|Tax] {rate} % {tax:money}
            [TOTAL|Amount due|Grand total] {total:money}
            [Bank|Please pay to]: {iban}
            """, scan=True),
        Layout("de ch", """
            {seller} · {seller_place}

            {buyer.name}
            z. Hd. {contact}
            {buyer_place}
            {?vat}[Ihre USt-IdNr.|USt-IdNr. des Kunden]: {vat}
            {/}
            Rechnung {invoice_number} vom {issue_date}
            [Ihre Bestellung|Auftrag] {order} vom {ordered}, [Lieferdatum|geliefert am] {delivered}

            [Pos.|Menge] / [Bezeichnung|Artikel] / Einzelpreis / Gesamt
            {#items}{quantity} Stk. {description} zu {unit_price}, zusammen {line_total}
            {/}
            [Nettobetrag|Zwischensumme]: {net:money}
            zzgl. {rate} % MwSt.: {tax:money}
            [Rechnungsbetrag|Gesamtbetrag]: {total:money}
            [Zahlbar bis zum|Fällig am|Bitte überweisen Sie bis] {due_date} [auf|auf das Konto] {iban}. [Unsere|Eigene] USt-IdNr.: {seller_vat}
            """),
        Layout("en us eu in", """
            From: {seller} ([billing|accounts])
            To: {contact}
            Subject: [Invoice|Our invoice|Bill] {invoice_number}

            [Dear|Good morning,] {contact},

            [please find below|here is] our invoice {invoice_number} of {issue_date} to {buyer.name}{?vat} ([VAT ID|tax no.] {vat}){/}. [It covers|It is for] your order {order} of {ordered}: {#items}<{quantity} of the {description} at {unit_price}|{description}, {quantity} pieces, {unit_price} each>; {/}[carriage is free|no charge for freight]. [That makes|The sum is] {net:money} net, with {rate} % tax ({tax}) [a total of|altogether] {total:money}. [Our terms changed this spring:|As agreed,] [payment is due|we expect payment] by {due_date}[; the date of {delivered} in our delivery note is not the due date|, not later].

            [Kind regards|Best wishes]
            {seller}, {seller_place}
            """),
        Layout("fr", """
            {seller}, {seller_place}
            FACTURE n° {invoice_number}
            [Date de facture|Émise le] : {issue_date}
            [Commande|Bon de commande] {order} du {ordered} – [livrée le|livraison] {delivered}
            [Client|Facturé à] : {buyer.name}, {buyer_place} ([contact|à l'attention de] : {contact})
            {?vat}N° TVA [du client|client] : {vat}
            {/}
            {#items}- {description} : {quantity} × {unit_price} = {line_total}
            {/}
            Total HT {net:money} · TVA {rate} % {tax:money} · [Total TTC|Net à payer] {total:money}
            [Échéance|À régler avant le|Date limite de paiement] : {due_date} – IBAN {iban} – [notre n° TVA|TVA intracom. vendeur] {seller_vat}
            """),
    ),
)  # fmt: skip


def _purchase_order(dice: Dice, locale: Locale) -> Facts:
    ordered = dice.day()
    lines = values.price_lines(dice, locale, dice.whole(2, 4), 90)
    wrong = dice.later(ordered, 8, 20)
    dropped = values.goods(dice, locale, 6)[-1]
    return {
        "po_number": dice.code(dice.pick(("PO-######", "45########", "B~#/####"))),
        "order_date": ordered, "promised": wrong, "delivery_date": dice.later(wrong, 2, 30),
        "buyer": values.company(dice, locale), "supplier": values.company(dice, locale),
        "ship_to": values.address(dice, locale), "office": values.address(dice, locale),
        "contact": dice.maybe(values.person(dice, locale)), "quote": dice.code("Q-#####"),
        "quoted": dice.later(ordered, -30, -2), "items": lines, "dropped": dropped,
        "dropped_sku": dice.code("??-####"), "dropped_count": dice.whole(3, 60),
        "currency": dice.pick(locale.currencies), "total": values.total(lines),
        "signed": values.person(dice, locale), "terms": dice.pick((14, 21, 30, 45, 60)),
    }  # fmt: skip


PURCHASE_ORDER = DocumentType(
    "purchase_order",
    "hard",
    fields.record(
        po_number=fields.text(),
        order_date=fields.day(),
        delivery_date=fields.day("Agreed date, after any change"),
        supplier=fields.text(),
        ship_to=fields.text("Delivery address on one line"),
        contact=fields.optional(fields.text("Person at the goods-in desk")),
        items=fields.listed(
            fields.record(
                sku=fields.text(), quantity=fields.integer(), unit_price=fields.number()
            ),
            "Without cancelled lines",
        ),
    ),
    _purchase_order,
    (
        Layout("en us gb eu", """
            PURCHASE ORDER {po_number}                 {order_date}
            [Buyer|From]: {buyer}, {office}
            [Supplier|Vendor|To]: {supplier}
            [Ship to|Deliver to]: {ship_to}
            {?contact}[Goods-in contact|Goods-in desk]: {contact}
            {/}[Your quotation|Ref. quote] {quote} of {quoted}
            [Delivery|Required on site]: ~~{promised}~~ [changed by phone to|now|amended:] {delivery_date}

            SKU | [item|description] | [qty|pieces] | [unit price|each]
            {#items}{sku} | {description} | {quantity} | {unit_price}
            {/}{dropped_sku} | {dropped} | {dropped_count} | [CANCELLED|struck out, do not deliver]

            [Total|Order value] {total:money}, [payment|net] {terms} days. [Signed|Authorised by] {signed}
            """),
        Layout("de ch", """
            {buyer}, {office}
            an {supplier}

            Bestellung Nr. {po_number} vom {order_date}
            [Bezug|Grundlage]: [Ihr Angebot|Angebot] {quote} vom {quoted}

            [Wir bestellen|Hiermit bestellen wir]:
            {#items}* {quantity} Stück {description} ([Art.|Artikel] {sku}) zu je {unit_price:money}
            {/}[Nicht mehr benötigt wird|Entfällt|Gestrichen]: {dropped} ({dropped_sku}, {dropped_count} Stück).

            [Lieferanschrift|Lieferung an]: {ship_to}
            {?contact}[Ansprechpartner Wareneingang|Wareneingang]: {contact}
            {/}[Liefertermin|Termin]: {delivery_date} ([ursprünglich|zuerst genannt] {promised}). Zahlung {terms} Tage netto.
            [Gesamtwert|Auftragswert]: {total:money}. [gez.|Freigabe durch] {signed}
            """),
        Layout("en us in eu", """
            [Hi|Hello|Dear team at] {supplier},

            [this is to confirm|please take this as|as discussed, here is] our order {po_number}, [placed|dated] {order_date}, [on the basis of|following] quote {quote} ({quoted}).

            {#items}<We need|Please send|Also> {quantity} x {sku} ({description}, {unit_price} <each|a piece|per unit>).
            {/}[Please leave out|Ignore|We no longer want] the {dropped_count} x {dropped_sku} ({dropped}) from the draft.

            [I first wrote {promised} as the delivery date. That is a public holiday here, so please come on|Not on {promised}, sorry, the yard is closed that day: deliver on] {delivery_date}, to {ship_to}[, not to the office|]. {?contact}{contact} [will be at the goods-in desk|takes the goods in at the gate].{/}

            {signed}
            {buyer}, {office}
            """),
    ),
)  # fmt: skip


def _order_change(dice: Dice, locale: Locale) -> Facts:
    lines = values.price_lines(dice, locale, 4, 20)
    for line in lines:
        line["new_quantity"] = int(str(line["quantity"])) + dice.whole(1, 9)
    first = dice.day()
    second = dice.later(first, 1, 12)
    moved = dice.chance(0.5)
    changed = lines[: dice.whole(2, 3)]
    return {
        "order_number": dice.code(dice.pick(("A-#####", "#######", "W~#-####"))),
        "customer": values.person(dice, locale), "clerk": values.person(dice, locale),
        "first": first, "second": second, "delivery_date": dice.later(second, 1, 9),
        "placed": dice.later(first, -20, -3), "lines": lines, "changes": changed,
        "cancelled_skus": [lines[-1]["sku"]], "gone": lines[-1],
        "old_address": values.address(dice, locale),
        "ship_to": values.address(dice, locale) if moved else None,
        "phone": values.phone(dice, locale), "mail": values.email(dice, "orders"),
    }  # fmt: skip


ORDER_CHANGE = DocumentType(
    "order_change",
    "hard",
    fields.record(
        order_number=fields.text(),
        customer=fields.text(),
        delivery_date=fields.day("The last one that the customer asks for"),
        ship_to=fields.optional(fields.text("New delivery address; null if it stays")),
        changes=fields.listed(
            fields.record(sku=fields.text(), new_quantity=fields.integer()),
            "Items whose quantity changes",
        ),
        cancelled_skus=fields.listed(fields.text()),
    ),
    _order_change,
    (
        Layout("en us gb eu", """
            From: {customer}
            To: {mail}
            Subject: [Re: |][order|my order|change to order] {order_number}

            [Hello {clerk}|Dear {clerk}|Hi {clerk}],

            [could you change my order {order_number} of {placed}, please|I need to change order {order_number}, placed {placed}]? {#changes}<Make it|I now need|Please put down> {new_quantity} of {sku} <instead of|rather than|in place of> {quantity}. {/}[Leave out|Please cancel|I no longer want] {gone.sku} ({gone.description}) [altogether|completely]. [The rest stays|Everything else is fine].
            {?ship_to}[And please send it to|New address:] {ship_to}, [as we have moved|not to {old_address}].
            {/}
            [You had offered {first}. Could it be {second}?|Delivery on {first} does not suit me, {second} would.]

            [PS|P.S.|Later]: [no, sorry, I am away then: {delivery_date}, please|I looked at the calendar again, make that {delivery_date} after all].

            {customer}, {phone}

            > [Your order|We have received]: {#lines}{quantity} x {sku} {description}; {/}[to|for delivery to] {old_address}, {first}
            """),
        Layout("de ch", """
            Von: {customer}
            Betreff: [Änderung|Korrektur] [zu|der] Bestellung {order_number}

            [Guten Tag {clerk}|Sehr geehrtes Team|Hallo {clerk}],

            [zu meiner Bestellung|bei der Bestellung] {order_number} vom {placed} [habe ich folgende Änderungen|möchte ich noch etwas ändern]:
            {#changes}– {sku} ({description}): <statt {quantity} bitte {new_quantity} Stück|{new_quantity} statt {quantity} Stück>
            {/}– {gone.sku} ({gone.description}) [entfällt|bitte streichen|brauche ich nicht mehr]
            {?ship_to}– [neue Lieferadresse|Lieferung jetzt an]: {ship_to} [(bisher|(nicht mehr] {old_address})
            {/}
            [Den Termin|Die Lieferung] am {first} [bitte verschieben auf|würde ich gern verlegen auf den] {second}. [Korrektur|Nein, Verzeihung, da bin ich verreist]: bitte [erst|] am {delivery_date}.

            [Mit freundlichen Grüßen|Beste Grüße]
            {customer}, Tel. {phone}
            """),
        Layout("en us in", """
            [CALL NOTE|Telephone note|Customer service log] – [taken by|agent] {clerk}
            [Caller|Customer]: {customer} ({phone})
            [Order|Order no.]: {order_number} [of|from] {placed}
            [On file|Original order]: {#lines}{sku} × {quantity}, {/}[ship to|address] {old_address}, [due|arriving] {first}

            [Requests|What the caller wants]:
            1. [delivery|new date] {second} -- [caller corrected this before hanging up to|then changed their mind:] {delivery_date}
            2. {#changes}{sku} <up from {quantity} to {new_quantity}|now {new_quantity} (was {quantity})>; {/}[other items unchanged|rest as before]
            3. [drop|cancel|remove] {gone.sku} ({gone.description})
            {?ship_to}4. [send to|ship to] {ship_to} [instead|from now on]
            {/}{!ship_to}4. [address confirmed, no change|asked: address stays]
            {/}
            """),
    ),
)  # fmt: skip


def _warranty(dice: Dice, locale: Locale) -> Facts:
    bought = dice.day("2022-01-05", "2025-12-20")
    wish = dice.pick(("repair", "replacement", "refund"))
    product, second = values.goods(dice, locale, 2)
    return {
        "customer": values.person(dice, locale),
        "product": {"name": product, "serial_number": dice.code("SN##?####")},
        "second": second, "purchase_date": bought, "noticed": dice.later(bought, 40, 500),
        "order_reference": dice.maybe(dice.code("R-######")), "wish": wish, wish: True,
        "fault": dice.pick((
            "the hinge broke off", "it no longer switches on", "the varnish is peeling",
            "water runs out at the bottom", "the handle came loose", "it rattles loudly",
            "the display stays dark", "the spring has snapped", "the seam has split",
            "it smells of burning after a minute", "the lid does not close any more")),
        **{other: False for other in ("repair", "replacement", "refund") if other != wish},
        "shop": values.shop(dice), "address": values.address(dice, locale),
        "claim": dice.code("W-####"),
    }  # fmt: skip


WARRANTY_CLAIM = DocumentType(
    "warranty_claim",
    "medium",
    fields.record(
        customer=fields.text(),
        product=fields.record(name=fields.text(), serial_number=fields.text()),
        purchase_date=fields.day(),
        fault=fields.text("In the customer's words"),
        wish=fields.choice(("repair", "replacement", "refund")),
        order_reference=fields.optional(fields.text()),
    ),
    _warranty,
    (
        Layout("en us gb", """
            WARRANTY CLAIM FORM                      Claim {claim}
            Name: {customer}
            Address: {address}
            Product: {product.name}        Serial no.: {product.serial_number}
            Bought on: {purchase_date}     at: {shop}
            Fault first seen: {noticed}
            {?order_reference}Order reference: {order_reference}
            {/}Description: {fault}
            Customer asks for:  ({?repair}x{/}{!repair} {/}) repair   ({?replacement}x{/}{!replacement} {/}) replacement   ({?refund}x{/}{!refund} {/}) refund
            """, scan=True),
        Layout("en eu us", """
            To {shop}

            I bought a {product.name} (serial number {product.serial_number}) from you on {purchase_date}{?order_reference}, order {order_reference}{/}. Since {noticed} {fault}. The {second} that came in the same parcel works well, so this is only about the first. {?repair}I would like you to repair it.{/}{?replacement}Please send me a new one in exchange.{/}{?refund}I want my money back.{/}

            {customer}
            {address}
            """),
        Layout("eu in gb", """
            ticket: {claim}
            channel: web form
            customer: {customer}
            item: {product.name} / {product.serial_number}
            invoice date: {purchase_date}
            reported: {noticed}
            {?order_reference}order ref: {order_reference}
            {/}{!order_reference}order ref: -
            {/}customer says: "{fault}"
            requested remedy: {wish}
            also owns: {second}
            """),
    ),
    held_out=True,
)  # fmt: skip


def _voucher(dice: Dice, locale: Locale) -> Facts:
    issued = dice.day()
    giver, receiver = values.people(dice, locale, 2)
    return {
        "code": dice.code("????-####-??"), "amount": dice.amount(1, 40, 0) * 5,
        "currency": dice.pick(locale.currencies), "expires": dice.later(issued, 180, 1100),
        "issued": issued, "recipient": receiver, "giver": giver, "shop": values.shop(dice),
        "least": dice.whole(5, 30), "street": values.street(dice, locale),
    }  # fmt: skip


GIFT_VOUCHER = DocumentType(
    "gift_voucher",
    "easy",
    fields.record(
        code=fields.text(),
        amount=fields.number(),
        currency=fields.currency(),
        expires=fields.day(),
        recipient=fields.text(),
    ),
    _voucher,
    (
        Layout("en us gb", """
            * * *  {shop}  * * *
            GIFT VOUCHER worth {amount:money}

            For: {recipient}      From: {giver}
            Code {code}
            Issued {issued}, valid until {expires}.
            Minimum purchase {least}. No cash alternative. {street}
            """, scan=True),
        Layout("de ch", """
            Liebe/r {recipient},

            {giver} hat Ihnen am {issued} einen Gutschein von {shop} über {amount:money} geschenkt. Lösen Sie ihn mit dem Code {code} bis zum {expires} ein, online oder bei uns, {street}. Mindestbestellwert: {least}.
            """),
        Layout("en eu in", """
            Subject: {giver} has sent you a present

            Good news, {recipient}! On {issued}, {giver} chose a voucher of {amount:money} for you at {shop}. Type {code} at the checkout for orders over {least}. The voucher lapses on {expires}; what is left after a first purchase stays on it until then.
            """),
    ),
    held_out=True,
)  # fmt: skip


def _lot(dice: Dice, locale: Locale) -> Facts:
    low = dice.whole(3, 90) * 50
    sold = dice.maybe(low + dice.whole(-2, 30) * 25, 0.6)
    return {
        "lot_number": dice.whole(11, 989), "title": dice.pick((
            "Longcase clock", "Pair of silver candlesticks", "Still life with quinces",
            "Carved oak chest", "Harbour at dawn, oil on panel", "Faience tulip vase",
            "Set of six Windsor chairs", "Brass astrolabe", "Embroidered shawl", "Globe on stand",
            "Ivory-coloured tea service", "Folding screen with cranes", "Mantel barometer")),
        "origin": values.city(dice, locale), "century": dice.pick(("18th", "19th", "early 20th")),
        "estimate": {"low": low, "high": low + dice.whole(2, 20) * 50}, "reserve": low - 25,
        "currency": dice.pick(locale.currencies), "sold_price": sold,
        "sale_date": dice.day(), "owner": values.person(dice, locale), "last": low // 2 + 15,
        "height": dice.whole(11, 190), "year": dice.whole(1961, 2019),
        "previous_lot": dice.whole(11, 989), "house": values.shop(dice),
    }  # fmt: skip


AUCTION_LOT = DocumentType(
    "auction_lot",
    "medium",
    fields.record(
        lot_number=fields.integer(),
        title=fields.text(),
        estimate=fields.record(low=fields.integer(), high=fields.integer()),
        currency=fields.currency(),
        sale_date=fields.day("Of this auction"),
        sold_price=fields.optional(fields.integer("Hammer price; null if unsold")),
    ),
    _lot,
    (
        Layout("en us gb", """
            {house} [Fine Sales|Auctioneers|– Autumn Sale], {sale_date}

            LOT {lot_number}
            {title}
            [{origin}, {century} century|{century} century, probably {origin}]. [Height|H.] {height} cm. [Minor repairs|Some wear|One later screw|Good condition].
            [Provenance|From the estate of]: {owner}; [acquired|bought at auction as lot {previous_lot}] in {year} for {last:money}
            [Estimate|Est.]: {estimate.low:money} – {estimate.high:money}
            {?sold_price}[Sold|Hammer price]: {sold_price:money}{/}{!sold_price}[Passed|Unsold|Bought in below the reserve]{/}
            """, scan=True),
        Layout("de ch", """
            [Katalog|Auktion vom] {sale_date}, [Haus|Auktionshaus] {house}
            Los {lot_number}: {title} ([Herkunft|wohl] {origin}, H. {height} cm)
            [Schätzpreis|Taxe]: {estimate.low:n} bis {estimate.high:n} {currency}, [Limit|Mindestpreis] {reserve:n}
            [Vorbesitz|Aus der Sammlung] {owner}, [dort seit|erworben] {year} für {last:n}
            {?sold_price}[Zuschlag bei|Verkauft für] {sold_price:n} {currency}{/}{!sold_price}[Nicht verkauft|Kein Zuschlag, geht an den Einlieferer zurück]{/}. [Das vorige|Zum Vergleich:] Los {previous_lot} [brachte mehr als erwartet|blieb liegen].
            """),
        Layout("en eu in", """
            [Saleroom report|Notes from the saleroom|From our auction diary], {sale_date}. [At {house}, the|The] {title} from {origin} (lot {lot_number}, [consigned by|the property of] {owner}) [was expected to make|carried an estimate of] {estimate.low:money} to {estimate.high:money}. {?sold_price}[After a slow start at {last:money}|Bids opened at {last:money}, and] it [sold for|was knocked down at] {sold_price:money}.{/}{!sold_price}[Bidding stopped at {last:money}, short of the reserve of {reserve:money}, and it|With no bid above {last:money}, it] [was withdrawn|did not sell].{/} [It last changed hands in|The owner had it since] {year}. [Next to it, lot {previous_lot} drew more interest|Lot {previous_lot} followed].
            """),
    ),
)  # fmt: skip

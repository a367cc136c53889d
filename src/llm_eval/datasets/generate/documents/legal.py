"""Contracts, courts, patents and insurance."""

from llm_eval.datasets.generate import fields, values
from llm_eval.datasets.generate.dice import Dice
from llm_eval.datasets.generate.document import DocumentType, Layout
from llm_eval.datasets.generate.locales import Locale
from llm_eval.datasets.generate.template import Facts


def _rental(dice: Dice, locale: Locale) -> Facts:
    landlord, tenant, former, guarantor = values.people(dice, locale, 4)
    signed = dice.day()
    rent = dice.amount(380, 2400, 0)
    return {
        "landlord": landlord, "tenant": tenant, "former": former, "signed": signed, "start": dice.later(signed, 5, 70), "address": values.address(dice, locale),
        "landlord_address": values.address(dice, locale), "rent": rent, "charges": dice.amount(40, 260, 0), "deposit": rent * dice.whole(2, 3), "old_rent": rent - dice.whole(10, 90),
        "currency": dice.pick(locale.currencies), "notice": dice.pick((1, 2, 3, 6)), "pets": (pets := dice.chance(0.5)), "no_pets": not pets,
        "end": dice.maybe(dice.later(signed, 400, 1500)), "guarantor": guarantor, "day": dice.whole(1, 15), "keys": dice.whole(2, 5), "file": dice.code("M-####/##"),
    }  # fmt: skip


RENTAL_CONTRACT = DocumentType(
    "rental_contract",
    "domain_specific",
    fields.record(
        landlord=fields.text(),
        tenant=fields.text("Of this contract"),
        premises=fields.text("Address of what is let, on one line"),
        term=fields.record(start=fields.day(), end=fields.optional(fields.day("null if open-ended"))),
        monthly_rent=fields.number("Without charges"),
        deposit=fields.number(),
        currency=fields.currency(),
        notice_months=fields.integer(),
        pets_allowed=fields.flag("Whether pets may be kept"),
    ),
    lambda dice, locale: (facts := _rental(dice, locale))
    | {"premises": facts["address"], "term": {"start": facts["start"], "end": facts["end"]}, "monthly_rent": facts["rent"],
       "notice_months": facts["notice"], "pets_allowed": facts["pets"]},
    (
        Layout("en us gb eu in", """
            [LEASE|TENANCY AGREEMENT|RENTAL CONTRACT] {file}
            between {landlord}, {landlord_address} ([the "Landlord"|Lessor])
            and {tenant} ([the "Tenant"|Lessee])

            § 1 [The premises at|Let are the rooms at] {address}, [with {keys} keys, so far let to {former}|previously let to {former} at {old_rent}].
            § 2 [The term begins|The tenancy starts] on {start}{?end} [and ends on|and expires on] {end}{/}{!end} [and is open-ended|for an indefinite period]{/}.
            § 3 [Rent|Monthly rent] {rent:money}, [charges|plus service charge] {charges:money}, [payable by day {day} of each month|due on day {day}].
            § 4 [Security deposit|Deposit]: {deposit:money}. [Guarantor|Surety]: {guarantor}.
            § 5 [Notice period|Either party may give notice of] {notice} [months|month(s)].
            § 6 {?pets}[Pets are permitted|Small pets may be kept]{/}{?no_pets}[No pets|The keeping of animals is excluded]{/}.

            [Signed|Done], {signed}
            """, scan=True),
        Layout("de ch", """
            Mietvertrag {file}
            [Vermieter/in|Vermietende Partei]: {landlord}, {landlord_address}
            [Mieter/in|Mietende Partei]: {tenant} ([Bürge|Bürgschaft]: {guarantor}); [Vormieter|zuvor] {former}
            [Mietsache|Objekt]: {address}, {keys} Schlüssel
            [Beginn|Mietbeginn]: {start}. {?end}[Befristet bis|Ende] {end}.{/}{!end}[Unbefristet|Auf unbestimmte Zeit].{/}
            [Nettokaltmiete|Grundmiete] {rent:money} (bisher {old_rent}), [Nebenkosten|Betriebskosten] {charges:money}, [zahlbar bis zum|fällig am] {day}. des Monats
            Kaution {deposit:money}. [Kündigungsfrist|Frist zur Kündigung] {notice} Monate.
            Haustiere: {?pets}[erlaubt|gestattet]{/}{?no_pets}[nicht erlaubt|untersagt]{/}
            [Unterzeichnet|Ort, Datum]: {signed}
            """),
        Layout("en eu in", """
            [Summary by the notary|Abstract for the file|Note of the housing office], {signed}. [By contract {file}|Under {file}], {landlord} (of {landlord_address}) [lets|rents out] {address} to {tenant}, [who follows {former}|after {former} had moved out]. [It runs|The lease runs] from {start}{?end} to {end}{/}{!end} [without a fixed end|until somebody gives notice]{/}; [notice|the period of notice] is {notice} months. [The rent rises from {old_rent} to {rent:money}|Rent: {rent:money}, where {former} paid {old_rent}] a month, [to which|and] {charges:money} of charges [are added|come]. [A deposit of {deposit:money} was agreed|{deposit:money} stand as a deposit], [and {guarantor} is surety|guaranteed by {guarantor}]. {?pets}[Animals are welcome.|Pets are allowed.]{/}{?no_pets}[Pets are forbidden.|The tenant may keep no animals.]{/}
            """),
    ),
)  # fmt: skip


def _patent(dice: Dice, locale: Locale) -> Facts:
    filed = dice.day("2018-01-04", "2023-06-20")
    published = dice.later(filed, 400, 640)
    names = values.people(dice, locale, 4)
    return {
        "number": dice.code(dice.pick(("EP ####### A1", f"WO {published.year}/######", "US 11,###,### B2", f"DE 10 {filed.year} ### ### A1"))), "cited": dice.code("US 9,###,###"),
        "filed": filed, "published": published, "priority": dice.maybe(dice.later(filed, -364, -60)), "inventors": names[: dice.whole(1, 3)], "attorney": names[3],
        "applicant": values.company(dice, locale), "opponent": values.company(dice, locale), "classes": dice.some(("B25B 13/06", "H02J 7/00", "A47J 31/44", "G01N 33/53", "F16K 1/22", "B62K 15/00", "E05B 1/00", "C08L 5/00"), dice.whole(1, 2)),
        "title": f"{dice.pick(('Locking', 'Self-draining', 'Low-noise', 'Modular', 'Temperature-controlled', 'Tamper-proof', 'Biodegradable'))} "
        f"{dice.pick(('valve', 'hinge', 'battery housing', 'clamp', 'drip tray', 'bicycle frame', 'coating', 'sampling tube', 'bearing'))} "
        f"{dice.pick(('with a spring tongue', 'for portable devices', 'and method of making it', 'for marine use', 'with indicator'))}",
        "claims": dice.whole(7, 28), "pages": dice.whole(9, 70), "application": dice.code("########.~"), "granted_elsewhere": dice.later(filed, -2000, -500),
    }  # fmt: skip


PATENT_HEADER = DocumentType(
    "patent_header",
    "domain_specific",
    fields.record(
        publication_number=fields.text("As written"),
        title=fields.text(),
        applicant=fields.text(),
        inventors=fields.listed(fields.text()),
        filing_date=fields.day(),
        priority_date=fields.optional(fields.day()),
        publication_date=fields.day(),
        classification=fields.listed(fields.text(), "IPC symbols, as written"),
        claims=fields.integer("Number of claims"),
    ),
    lambda dice, locale: (facts := _patent(dice, locale))
    | {"publication_number": facts["number"], "filing_date": facts["filed"], "priority_date": facts["priority"], "publication_date": facts["published"], "classification": facts["classes"]},
    (
        Layout("en us gb eu", """
            (11) {number}
            (21) [Application no.|Appl. No.] {application}      (22) [Filed|Date of filing]: {filed}
            {?priority}(30) [Priority|Priority data]: {priority}
            {/}(43) [Published|Date of publication]: {published}
            (51) Int. Cl.: {classes}
            (54) {title}
            (56) [Cited|References cited]: {cited} ({granted_elsewhere})
            (71) Applicant: {applicant}     (74) [Attorney|Agent]: {attorney}
            (72) [Inventors|Inventor(s)]: {inventors}
            {claims} claims, {pages} pages
            """, scan=True),
        Layout("de ch fr", """
            {number} | {title}
            [Anmelder|Demandeur / Anmelder]: {applicant}
            [Erfinder|Inventeurs / Erfinder]: {inventors}
            [Anmeldetag|Date de dépôt / Anmeldetag]: {filed} (Az. {application})
            {?priority}[Priorität|Priorité / Priorität]: {priority}
            {/}[Veröffentlichung|Publication / Veröffentlichung]: {published}
            IPC: {classes}; {claims} [Ansprüche|revendications / Ansprüche], {pages} [Seiten|pages / Seiten]
            [Entgegenhaltung|Document cité / Entgegenhaltung] {cited}, {granted_elsewhere}; [Vertreter|Mandataire / Vertreter] {attorney}
            """),
        Layout("en us in", """
            [Patent watch|Freedom-to-operate memo|Weekly digest]: [on {published} the application {number} of {applicant} was published|{applicant} has had {number} published on {published}]. [It bears the title "{title}" and names {inventors:and} as inventors|Under the heading "{title}" it lists as inventors: {inventors:and}]. [It was filed on|Filing date:] {filed} ({application}){?priority}[, claims priority of|; the priority goes back to] {priority}{/}{!priority}[ without any priority|; no priority is claimed]{/}. [There are|We count] {claims} claims on {pages} pages, [classified in|under] {classes:and}. [{opponent} is watching it too.|The nearest prior art is {cited} of {granted_elsewhere}.] [Attorney|Represented by]: {attorney}.
            """),
    ),
)  # fmt: skip


def _court(dice: Dice, locale: Locale) -> Facts:
    judge, claimant, defendant, counsel = values.people(dice, locale, 4)
    decided = dice.day()
    sought = dice.amount(2000, 60000)
    return {
        "case": dice.code(dice.pick(("~ C ###/", "CV-####/", "## O ~##/"))) + f"{decided:%y}", "court": f"{dice.pick(('District Court of', 'County Court at', 'Commercial Court of'))} {values.city(dice, locale)}",
        "judge": judge, "claimant": values.company(dice, locale), "defendant": defendant, "counsel": counsel, "witness": claimant, "filed": dice.later(decided, -600, -120),
        "heard": dice.later(decided, -40, -5), "decided": decided, "sought": sought, "awarded": dice.maybe(sought - dice.amount(100, 1900), 0.6), "currency": dice.pick(locale.currencies),
        "appeal_until": dice.later(decided, 14, 45), "costs": dice.amount(200, 1900), "statutes": dice.some(("§ 433 BGB", "Art. 41 CO", "s. 14 SGA 1979", "§ 280 BGB", "Art. 1240 CC", "UCC § 2-314"), 2),
    }  # fmt: skip


COURT_NOTICE = DocumentType(
    "court_notice",
    "domain_specific",
    fields.record(
        case_number=fields.text(),
        court=fields.text(),
        judge=fields.text(),
        claimant=fields.text(),
        defendant=fields.text(),
        decided=fields.day(),
        amount_awarded=fields.optional(fields.number("null if the claim was dismissed")),
        currency=fields.currency(),
        appeal_until=fields.day(),
        statutes=fields.listed(fields.text(), "As written"),
    ),
    lambda dice, locale: (facts := _court(dice, locale)) | {"case_number": facts["case"], "amount_awarded": facts["awarded"]},
    (
        Layout("en us gb eu", """
            {court}                                   Case {case}
            {claimant} (Claimant) v {defendant} (Defendant, for whom {counsel})
            Before: {judge}

            Claim issued {filed} for {sought:money}. Heard {heard}; witness: {witness}.
            JUDGMENT of {decided}, applying {statutes}:
            {?awarded}The Defendant shall pay {awarded:money} to the Claimant, and costs of {costs:money}.{/}{!awarded}The claim is dismissed. The Claimant bears the costs of {costs:money}.{/}
            Appeal may be lodged until {appeal_until}.
            """, scan=True),
        Layout("de ch", """
            Aktenzeichen {case}, {court}
            Klägerin: {claimant}; Beklagte Partei: {defendant} (vertreten durch {counsel})
            Klage vom {filed} über {sought:money}, Verhandlung am {heard}, Zeuge/in {witness}
            Urteil vom {decided}, Einzelrichter/in {judge}, nach {statutes:and}:
            {?awarded}Die beklagte Partei zahlt {awarded:money}.{/}{!awarded}Die Klage wird abgewiesen.{/} Kosten {costs:money}. Berufung bis {appeal_until}.
            """),
        Layout("en in eu", """
            In {case} the {court} gave judgment on {decided}. {claimant} had sued {defendant} on {filed} for {sought:money}; after the hearing of {heard}, in which {witness} gave evidence, {judge} {?awarded}awarded {awarded:money}{/}{!awarded}dismissed the whole claim{/} under {statutes:and}. Costs are {costs:money}. {counsel}, who acted for the defendant, has until {appeal_until} to appeal.
            """),
    ),
    held_out=True,
)  # fmt: skip


def _insurance(dice: Dice, locale: Locale) -> Facts:
    items = [
        {"item": name, "amount": dice.amount(30, 900)}
        for name in values.goods(dice, locale, dice.whole(2, 4))
    ]
    loss = dice.day()
    return {
        "claim_number": dice.code("CL-######"), "policy_number": dice.code(dice.pick(("P###-###-##", "HH######"))), "old_policy": dice.code("P###-###-##"),
        "claimant": values.person(dice, locale), "handler": values.person(dice, locale), "insurer": values.company(dice, locale), "loss_date": loss,
        "reported": dice.later(loss, 1, 12), "visit": dice.later(loss, 13, 30), "cause": dice.pick(("burst pipe", "burglary", "lightning", "kitchen fire", "storm", "hail", "flood in the cellar")),
        "suspected": dice.pick(("wear and tear", "vandalism", "a leaking roof")), "items": items, "total": values.total(items, "amount"), "currency": dice.pick(locale.currencies),
        "excess": dice.whole(2, 20) * 25, "police": dice.maybe(dice.code("PR/####/~##")), "address": values.address(dice, locale), "withdrawn": dice.amount(20, 400),
    }  # fmt: skip


INSURANCE_CLAIM = DocumentType(
    "insurance_claim",
    "hard",
    fields.record(
        claim_number=fields.text(),
        policy_number=fields.text("In force at the loss"),
        claimant=fields.text(),
        loss_date=fields.day(),
        cause=fields.text("As written"),
        items=fields.listed(fields.record(item=fields.text(), amount=fields.number()), "Claimed and not withdrawn"),
        excess=fields.integer("Borne by the claimant"),
        currency=fields.currency(),
        police_reference=fields.optional(fields.text()),
    ),
    lambda dice, locale: (facts := _insurance(dice, locale)) | {"police_reference": facts["police"]},
    (
        Layout("en us gb eu", """
            {insurer}: CLAIM {claim_number}
            Policy {policy_number} (until last year {old_policy})
            Insured: {claimant}, {address}
            Date of loss: {loss_date}   Reported: {reported}   Visit: {visit} by {handler}
            Cause: {cause} (first thought: {suspected})
            {#items}  {item:<26} {amount:>9}
            {/}  carpet (withdrawn)         {withdrawn:>9}
            Sum claimed {total:money}   Excess {excess:money}
            {?police}Police reference: {police}{/}
            """, scan=True),
        Layout("en in us", """
            Dear {handler},

            I report a loss under my policy {policy_number}; please ignore {old_policy} on my first call, that one has run out. On {loss_date} we had a {cause} at {address}, not {suspected} as your colleague wrote. {#items}Damaged: {item}, {amount}. {/}The carpet for {withdrawn} has come clean, so I withdraw it. Altogether {total:money}, of which I bear {excess}. {?police}The police filed it as {police}.{/}{!police}I did not call the police.{/} Your claim number is {claim_number}.

            {claimant}, {reported}
            """),
        Layout("de ch", """
            Schadenanzeige {claim_number} an {insurer} vom {reported}
            Versicherungsschein {policy_number} (früher {old_policy}), Versicherte Person: {claimant}, {address}
            Schadentag {loss_date}, Ursache: {cause} (nicht: {suspected}), Besichtigung {visit} durch {handler}
            {#items}- {item}: {amount}
            {/}- zurückgezogen: Teppich {withdrawn}
            Summe {total:money}, Selbstbehalt {excess:money}. {?police}Polizeiliches Aktenzeichen {police}{/}
            """),
    ),
    held_out=True,
)  # fmt: skip

"""Medicine for people and animals: notes, prescriptions, laboratory reports."""

from llm_eval.datasets.generate import fields, values
from llm_eval.datasets.generate.dice import Dice
from llm_eval.datasets.generate.document import DocumentType, Layout
from llm_eval.datasets.generate.locales import Locale
from llm_eval.datasets.generate.template import Facts

_DRUGS = (
    ("amoxicillin", "500 mg"), ("ramipril", "5 mg"), ("metformin", "850 mg"), ("levothyroxine", "75 µg"),
    ("atorvastatin", "20 mg"), ("omeprazole", "40 mg"), ("bisoprolol", "2.5 mg"), ("ibuprofen", "400 mg"),
    ("salbutamol", "100 µg"), ("apixaban", "5 mg"), ("prednisolone", "30 mg"), ("sertraline", "50 mg"),
    ("doxycycline", "100 mg"), ("furosemide", "40 mg"), ("amlodipine", "10 mg"), ("gabapentin", "300 mg"),
)  # fmt: skip
_DOSES = ("1-0-1", "1-0-0", "0-0-1", "once daily", "twice daily after meals", "every 8 hours", "at bedtime",
          "once weekly", "1-1-1", "every other day")  # fmt: skip


def _drugs(dice: Dice, count: int) -> list[Facts]:
    return [
        {"drug": drug, "strength": strength, "dose": dice.pick(_DOSES), "quantity": dice.pick((14, 20, 28, 30, 50, 90, 100))}
        for drug, strength in dice.some(_DRUGS, count)
    ]  # fmt: skip


def _prescription(dice: Dice, locale: Locale) -> Facts:
    patient, doctor = values.people(dice, locale, 2)
    issued = dice.day()
    drugs = _drugs(dice, dice.whole(3, 4))
    return {
        "patient": patient, "prescriber": doctor, "issued": issued, "items": drugs[:-1], "stopped": drugs[-1],
        "birth": dice.day("1938-01-04", "2008-12-20"), "valid": dice.later(issued, 28, 90),
        "repeats": dice.maybe(dice.whole(1, 5)), "licence": dice.code("#######"), "place": values.address(dice, locale),
        "phone": values.phone(dice, locale), "insurer": dice.code("?#########"),
    }  # fmt: skip


PRESCRIPTION = DocumentType(
    "prescription",
    "domain_specific",
    fields.record(
        patient=fields.record(name=fields.text(), birth_date=fields.day()),
        prescriber=fields.text("Without title"),
        issued=fields.day(),
        items=fields.listed(
            fields.record(
                drug=fields.text(), strength=fields.text("With unit, as written"), dose=fields.text("As written"), quantity=fields.integer("Units per pack")
            ),
            "Without discontinued drugs",
        ),
        repeats=fields.optional(fields.integer()),
    ),
    lambda dice, locale: (facts := _prescription(dice, locale))
    | {"patient": {"name": facts["patient"], "birth_date": facts["birth"]}},
    (
        Layout("en us gb in", """
            Dr {prescriber}[, general practice|, internal medicine|] – {place}
            [Reg. no.|Licence] {licence}   [Tel.|Surgery] {phone}

            [Patient|Pt.]: {patient.name}    [DOB|Born] {patient.birth_date}    [Insurance|NHI] {insurer}
            Rx
            {#items}  {drug} {strength}   [Sig.|S.:] {dose}   [Disp.|N] {quantity}
            {/}  [D/C|STOP]: {stopped.drug} {stopped.strength}
            {?repeats}[Repeats|Refills]: {repeats}
            {/}[Date|Issued] {issued}      [valid until|expires] {valid}
            """, scan=True),
        Layout("de ch", """
            [Praxis|Gemeinschaftspraxis] Dr. med. {prescriber}, {place}, Tel. {phone}
            [Rezept|Verordnung] für {patient.name}, [geb.|geboren am] {patient.birth_date} (Vers.-Nr. {insurer})
            {#items}- {drug} {strength}, {quantity} St., <Dosierung|Einnahme>: {dose}
            {/}[Abgesetzt|Nicht mehr einnehmen]: {stopped.drug} {stopped.strength}
            {?repeats}[Wiederholungen|Wiederholbar]: {repeats}
            {/}[Ausgestellt am|Datum] {issued}, gültig bis {valid}. LANR {licence}
            """),
        Layout("en us eu", """
            [To the pharmacy|Dear colleague at the pharmacy|e-Prescription message]: please [dispense|supply] for {patient.name}, [date of birth|born] {patient.birth_date}, [insured under|member no.] {insurer}: {#items}<{drug} {strength}, pack of {quantity}, {dose}|{quantity} x {drug} {strength} with the directions "{dose}">; {/}and [take {stopped.drug} {stopped.strength} off the record, it was stopped|nothing more of {stopped.drug} {stopped.strength}, which has been discontinued]. {?repeats}[May be repeated {repeats} times.|Number of repeats: {repeats}.]{/} [Signed|Issued] {issued} [and valid until|, to be filled by] {valid}, Dr {prescriber} ({licence}), {place}, {phone}
            """),
    ),
)  # fmt: skip

_ANALYTES = (
    ("Haemoglobin", "g/dL", 90, 180, 120, 160, 1), ("Potassium", "mmol/L", 28, 62, 35, 51, 1),
    ("Sodium", "mmol/L", 128, 150, 135, 145, 0), ("Creatinine", "mg/dL", 50, 240, 60, 120, 2),
    ("Glucose", "mg/dL", 62, 210, 70, 100, 0), ("TSH", "mIU/L", 10, 880, 40, 400, 2),
    ("C-reactive protein", "mg/L", 5, 940, 0, 50, 1), ("Ferritin", "µg/L", 8, 420, 30, 300, 0),
    ("LDL cholesterol", "mg/dL", 60, 215, 0, 130, 0), ("Platelets", "10^9/L", 90, 520, 150, 400, 0),
    ("ALT", "U/L", 9, 160, 0, 45, 0), ("HbA1c", "%", 45, 110, 40, 60, 1), ("Uric acid", "mg/dL", 25, 98, 30, 70, 1),
)  # fmt: skip


def _analyte(dice: Dice, row: tuple[str, str, int, int, int, int, int]) -> Facts:
    name, unit, low, high, normal_low, normal_high, places = row
    found = dice.whole(low, high)
    flag = "low" if found < normal_low else "high" if found > normal_high else "normal"
    scale = {0: 1, 1: 10, 2: 100}[places]
    return {
        "analyte": name, "unit": unit, "flag": flag, "sign": {"low": "L", "high": "H", "normal": " "}[flag],
        "value": dice.amount(found / scale, found / scale, places),
        "from": dice.amount(normal_low / scale, normal_low / scale, places),
        "to": dice.amount(normal_high / scale, normal_high / scale, places),
        "last": dice.amount(low / scale, high / scale, places),
    }  # fmt: skip


def _lab(dice: Dice, locale: Locale) -> Facts:
    patient, doctor, technician = values.people(dice, locale, 3)
    collected = dice.day()
    return {
        "patient": patient, "requested_by": doctor, "technician": technician, "collected": collected,
        "sample_id": dice.code(dice.pick(("L##-######", "######~?", "S/####/##"))), "born": dice.day("1940-02-01", "2005-11-30"),
        "reported": dice.later(collected, 1, 5), "previous": dice.later(collected, -300, -30),
        "results": [_analyte(dice, row) for row in dice.some(_ANALYTES, dice.whole(3, 5))],
        "comment": dice.maybe(dice.pick(("sample slightly haemolysed", "repeat fasting", "result phoned to the ward",
                                         "lipaemic serum", "second tube requested"))), "lab": values.shop(dice),
    }  # fmt: skip


LAB_REPORT = DocumentType(
    "lab_report",
    "domain_specific",
    fields.record(
        sample_id=fields.text(),
        patient=fields.text(),
        collected=fields.day("When the sample was taken"),
        results=fields.listed(
            fields.record(
                analyte=fields.text(), value=fields.number("This time"), unit=fields.text(),
                flag=fields.choice(("low", "normal", "high"), "Against the reference range"),
            )
        ),
        comment=fields.optional(fields.text("Of the laboratory")),
    ),
    _lab,
    (
        Layout("en us gb eu", """
            {lab} [Medical Laboratory|Diagnostics|Pathology]
            [Patient|Name]: {patient} ([DOB|born] {born})    [Sample|Specimen] {sample_id}
            [Collected|Drawn]: {collected}    [Reported|Printed]: {reported}    [Requested by|Ref. by]: Dr {requested_by}

            Test                    Result   Unit      Reference      [Previous|Last]
            {#results}{analyte:<20} {value:>8} {sign} {unit:<8} {from}–{to}   ({last})
            {/}
            {?comment}[Comment|Note]: {comment}
            {/}[Previous values of|Last sample] {previous}. [Validated by|Released by] {technician}
            """),
        Layout("de ch", """
            [Laborbefund|Befund] {sample_id}, {lab}
            [Patient/in|Name]: {patient}, geb. {born}
            [Entnahme|Probe entnommen] {collected}; [Befund vom|Ausgang] {reported}; Einsender Dr. {requested_by}
            {#results}{analyte}: {value} {unit} <(Norm {from} bis {to}; Vorwert {last})|[Referenz {from} bis {to}, zuletzt {last}]>
            {/}{?comment}[Bemerkung|Kommentar]: {comment}
            {/}[Vorwerte vom|Vergleich mit] {previous}, [validiert|freigegeben] {technician}
            """),
        Layout("en in us", """
            [Dear Dr {requested_by}|Dear doctor],

            [we have examined|here are the findings for] the sample {sample_id} of {patient} (born {born}), [taken|drawn] on {collected}. {#results}<{analyte} came out at {value} {unit}, where {from} to {to} is usual and {last} was found before.|We measured {analyte} at {value} {unit} (range {from} to {to}); the last time it was {last}.> {/}{?comment}[Please note|Remark]: {comment}.{/} [The earlier values date from|Earlier sample:] {previous}.

            {technician}, {lab}, {reported}
            """),
    ),
)  # fmt: skip

_DIAGNOSES = (
    "community-acquired pneumonia", "atrial fibrillation", "acute appendicitis", "type 2 diabetes mellitus",
    "migraine without aura", "deep vein thrombosis", "iron deficiency anaemia", "distal radius fracture",
    "acute pyelonephritis", "bronchial asthma", "gout", "hypothyroidism", "sciatica", "cholecystitis",
)  # fmt: skip
_ALLERGIES = (
    "penicillin",
    "latex",
    "bee venom",
    "iodinated contrast",
    "peanuts",
    "codeine",
    "house dust mite",
)


def _clinical(dice: Dice, locale: Locale) -> Facts:
    patient, doctor = values.people(dice, locale, 2)
    seen = dice.day()
    diagnosis, suspected = dice.some(_DIAGNOSES, 2)
    drugs = _drugs(dice, 4)
    return {
        "patient": patient, "doctor": doctor, "seen": seen, "age": dice.whole(19, 93), "diagnosis": diagnosis,
        "ruled_out": suspected, "pressure": {"systolic": dice.whole(98, 188), "diastolic": dice.whole(55, 97)},
        "home": f"{dice.whole(110, 160)}/{dice.whole(60, 95)}", "pulse": dice.whole(48, 122),
        "temperature": dice.amount(36, 39.9, 1), "allergies": dice.some(_ALLERGIES, dice.whole(0, 2)),
        "medication": drugs[: dice.whole(2, 3)], "stopped": drugs[3], "record": dice.code("MRN ######"),
        "follow_up": dice.maybe(dice.later(seen, 5, 90)), "relative": values.given_names(dice, 1)[0],
        "complaint": dice.pick(("chest pain", "a productive cough", "dizziness", "swelling of the left calf", "fatigue",
                                "flank pain", "a fall on the ice", "tingling in both hands", "vomiting since last night")),
        "days": dice.whole(2, 14),
    }  # fmt: skip


CLINICAL_NOTE = DocumentType(
    "clinical_note",
    "domain_specific",
    fields.record(
        patient=fields.text(),
        age=fields.integer(),
        seen=fields.day("Date of the examination"),
        diagnosis=fields.text("The confirmed one"),
        blood_pressure=fields.record(systolic=fields.integer(), diastolic=fields.integer()),
        allergies=fields.listed(fields.text(), "Empty if none are known"),
        medication=fields.listed(
            fields.record(drug=fields.text(), strength=fields.text("As written"), dose=fields.text("As written")), "From now on"
        ),
        follow_up=fields.optional(fields.day()),
    ),
    lambda dice, locale: (facts := _clinical(dice, locale)) | {"blood_pressure": facts["pressure"]},
    (
        Layout("en us gb", """
            {patient}, {age} y, {record}                 {seen}
            [CC|Presenting complaint]: {complaint} [x|for] {days} days
            [O/E|Exam]: BP {pressure.systolic}/{pressure.diastolic} mmHg ([at home|patient's own reading] {home}), HR {pulse}, T {temperature} °C
            [Allergies|All.]: {?allergies}{allergies}{/}{!allergies}NKDA{/}
            [Imp|Dx|A]: {diagnosis}. [r/o|Ruled out]: {ruled_out}
            [Rx|P]:
            {#medication}  {drug} {strength} {dose}
            {/}  [d/c|stop] {stopped.drug} {stopped.strength}
            {?follow_up}[F/u|RTC] {follow_up}{/}{!follow_up}[F/u prn|No review planned]{/}
            [Signed|Seen by] Dr {doctor}
            """, scan=True),
        Layout("en eu in", """
            [Discharge letter|Outpatient letter|Letter to the family doctor]

            [Dear colleague|Dear Dr {relative}],

            on {seen} [I saw|we examined] {patient}, [aged {age}|{age} years old] ({record}), [who had|with] {complaint} for {days} days. [At first we thought of {ruled_out}, but the tests spoke against it: the diagnosis is {diagnosis}.|The first suspicion, {ruled_out}, was excluded. We diagnosed {diagnosis}.] [Blood pressure was {pressure.systolic} over {pressure.diastolic}|The pressure in our rooms was {pressure.systolic}/{pressure.diastolic}] ([the diary from home says|at home] {home}), pulse {pulse}, temperature {temperature} °C. {?allergies}[Known allergies|There is an allergy to]: {allergies:and}.{/}{!allergies}[There are no known allergies.|Allergies are denied.]{/}

            [Please continue|From now on]: {#medication}{drug} {strength}, {dose}; {/}[but no more|while we stopped] {stopped.drug} {stopped.strength}. {?follow_up}[We should like to see the patient again on|Next appointment:] {follow_up}.{/}

            Dr {doctor}
            """),
        Layout("de ch", """
            [Ambulanzbericht|Arztbrief|Aktennotiz] vom {seen}, {record}
            Pat. {patient}, {age} Jahre; [Anlass|Beschwerden]: {complaint}, seit {days} Tagen
            RR {pressure.systolic}/{pressure.diastolic} mmHg ([zu Hause|Selbstmessung] {home}), Puls {pulse}, Temp. {temperature} °C
            [Allergien|Unverträglichkeiten]: {?allergies}{allergies}{/}{!allergies}keine bekannt{/}
            [Diagnose|Dg.]: {diagnosis} ([ausgeschlossen|Ausschluss]: {ruled_out})
            [Therapie|Medikation]: {#medication}{drug} {strength} {dose}; {/}[abgesetzt|pausiert auf Dauer]: {stopped.drug} {stopped.strength}
            {?follow_up}[Wiedervorstellung|Kontrolle] {follow_up}. {/}Dr. {doctor}
            """),
    ),
)  # fmt: skip


def _vet(dice: Dice, locale: Locale) -> Facts:
    species = dice.pick(("dog", "cat", "rabbit"))
    breeds = {"dog": ("Border collie", "Dachshund", "Whippet", "Labrador", "Leonberger"),
              "cat": ("Maine Coon", "Siamese", "Chartreux", "Birman"), "rabbit": ("Lionhead", "Rex", "Dwarf lop")}  # fmt: skip
    seen = dice.day()
    weight = dice.amount(*{"dog": (5, 34), "cat": (3, 7), "rabbit": (1.3, 3)}[species], 1)
    owner, vet = values.people(dice, locale, 2)
    return {
        "animal": {"name": dice.pick(("Biscuit", "Łatka", "Moritz", "Pixel", "Nala", "Churro", "Fjolla", "Taro", "Olive",
                                      "Ruffian", "Mochi", "Zazou")), "species": species, "breed": dice.pick(breeds[species])},
        "word": {"dog": "Hund", "cat": "Katze", "rabbit": "Kaninchen"}[species], "owner": owner, "vet": vet, "date": seen,
        "weight_kg": weight, "last_weight": weight + dice.amount(-0.6, 0.9, 1), "last": dice.later(seen, -400, -60),
        "treatment": dice.pick(("rabies booster", "dental scaling", "deworming", "nail trim", "ear flush", "stitches removed",
                                "microchip implant", "eye drops")), "chip": dice.code("9##000#########"),
        "next_due": dice.maybe(dice.later(seen, 20, 380)), "phone": values.phone(dice, locale), "age": dice.whole(1, 14),
    }  # fmt: skip


VET_RECORD = DocumentType(
    "vet_record",
    "medium",
    fields.record(
        animal=fields.record(name=fields.text(), species=fields.choice(("dog", "cat", "rabbit")), breed=fields.text()),
        owner=fields.text(),
        date=fields.day("Of this visit"),
        weight_kg=fields.number("At this visit"),
        treatment=fields.text("As written"),
        next_due=fields.optional(fields.day("Next appointment")),
    ),
    _vet,
    (
        Layout("en us gb eu", """
            [VETERINARY RECORD|Small animal clinic|Patient card]       {date}
            [Animal|Patient]: {animal.name}, {animal.species}, {animal.breed}, {age} y, chip {chip}
            [Owner|Keeper]: {owner}, {phone}
            [Weight|Body weight]: {weight_kg} kg   ([on|visit of] {last}: {last_weight} kg)
            [Done today|Treatment]: {treatment}
            {?next_due}[Next due|Recall]: {next_due}
            {/}[Vet|Signed] Dr {vet}
            """, scan=True),
        Layout("de ch", """
            [Tierarztpraxis|Kleintierpraxis] Dr. {vet}, [Besuch am|Behandlung vom] {date}
            [Tier|Patient]: {animal.name} ({word}, {animal.breed}), [Alter|Jahre:] {age}, Chip {chip}
            [Halter/in|Besitzer/in]: {owner}, Tel. {phone}
            [Gewicht heute|Gewicht] {weight_kg} kg, [am|zuletzt] {last} noch {last_weight} kg
            [Behandlung|Durchgeführt]: {treatment}. {?next_due}[Nächster Termin|Wieder fällig] {next_due}{/}
            """),
        Layout("en in us", """
            [Dear|Hello] {owner},

            [thank you for bringing|it was good to see] {animal.name} [to us on|again on] {date}. [For a {animal.breed} of {age} years your {animal.species} is in good shape: the scales say|At {age} years, this {animal.species} ({animal.breed}) weighs] {weight_kg} kg, [after|compared with] {last_weight} kg on {last}. [We did the following|On the list for today was]: {treatment}. {?next_due}[Please come back on|We should like to see you both again on] {next_due}.{/}{!next_due}[No further visit is needed for now.|Come back only if something worries you.]{/} [The chip number is|Chip:] {chip}.

            Dr {vet}, {phone}
            """),
    ),
)  # fmt: skip

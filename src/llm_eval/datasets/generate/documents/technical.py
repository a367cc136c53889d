"""Machines and laboratories: logs, configuration, changelogs, sensors, safety data."""

from llm_eval.datasets.generate import fields, values
from llm_eval.datasets.generate.dice import Dice
from llm_eval.datasets.generate.document import DocumentType, Layout
from llm_eval.datasets.generate.locales import Locale
from llm_eval.datasets.generate.template import Facts

_SERVICES = ("checkout-api", "auth-gateway", "mailer", "search-indexer", "image-proxy", "ledger-worker", "geo-lookup", "session-store", "report-builder", "webhook-relay")  # fmt: skip
_ERRORS = (
    "ECONNREFUSED",
    "ETIMEDOUT",
    "E_POOL_EXHAUSTED",
    "ERR_TLS_EXPIRED",
    "SQLSTATE 40P01",
    "OOMKilled",
    "E2BIG",
    "ENOSPC",
    "ERR_BAD_SIGNATURE",
    "SQLSTATE 23505",
)


def _log(dice: Dice, _: Locale) -> Facts:
    service, upstream, bystander = dice.some(_SERVICES, 3)
    hour, minute = dice.whole(0, 23), dice.whole(0, 49)
    steps = [f"{hour:02}:{minute + i:02}:{dice.whole(0, 59):02}" for i in range(6)]
    error, other = dice.some(_ERRORS, 2)
    return {
        "day": dice.day(), "service": service, "upstream": upstream, "bystander": bystander, "error": error, "other": other,
        "t0": steps[0], "t1": steps[1], "t2": steps[2], "t3": steps[3], "t4": steps[4], "t5": steps[5],
        "request_id": dice.code("%%%%-%%%%%%"), "old_request": dice.code("%%%%-%%%%%%"), "host": dice.code("?#") + f"-node-{dice.whole(1, 40)}",
        "status": dice.pick((500, 502, 503, 504, 507)), "ms": dice.whole(900, 30000), "fast": dice.whole(8, 190), "attempts": dice.whole(2, 6),
        "path": dice.pick(("/v2/orders", "/login", "/api/labels", "/export/csv", "/hooks/stripe-like", "/tiles/12/7", "/cart/items")),
        "user": dice.maybe(dice.code("u_#####")), "version": f"{dice.whole(1, 9)}.{dice.whole(0, 30)}.{dice.whole(0, 12)}", "commit": dice.code("%%%%%%%"),
        "limit": dice.whole(2, 64) * 50, "recovered": dice.chance(0.6), "engineer": values.given_names(dice, 1)[0], "pid": dice.whole(900, 32000),
    }  # fmt: skip


SERVER_LOG = DocumentType(
    "server_log",
    "domain_specific",
    fields.record(
        date=fields.day(),
        service=fields.text("The one that failed"),
        host=fields.text(),
        error_code=fields.text("Of the failure, not of warnings before it"),
        failed_at=fields.text("Time of the failed request, HH:MM:SS"),
        request=fields.record(
            id=fields.text("Of the failed request"), path=fields.text(), status=fields.integer(), duration_ms=fields.integer(),
            user=fields.optional(fields.text()),
        ),
        recovered=fields.flag("Whether the service was healthy again at the end"),
    ),
    lambda dice, locale: (facts := _log(dice, locale))
    | {
        "date": facts["day"], "error_code": facts["error"], "failed_at": facts["t2"], "down": not facts["recovered"],
        "request": {"id": facts["request_id"], "path": facts["path"], "status": facts["status"], "duration_ms": facts["ms"], "user": facts["user"]},
    },
    (
        Layout("en", """
            {day:iso}T{t0}Z INFO  {host} {service}[{pid}] [started|listening|boot complete] version={version} commit={commit}
            {day:iso}T{t1}Z WARN  {host} {service}[{pid}] {other} [from|on call to] {upstream}, retry 1/{attempts} req={old_request} dur={fast}ms
            {day:iso}T{t2}Z ERROR {host} {service}[{pid}] {error} req={request_id} [path|route]={path} status={status} dur={ms}ms{?user} user={user}{/}
            {day:iso}T{t3}Z INFO  {host} {bystander}[{limit}] [cache warm|gc pause|rotated logs] dur={fast}ms
            {?recovered}{day:iso}T{t4}Z INFO  {host} {service}[{pid}] [healthcheck ok|ready again|recovered]{/}{?down}{day:iso}T{t4}Z ERROR {host} {service}[{pid}] [healthcheck failed|still not ready], [paging|alerting] {engineer}{/}
            """),
        Layout("en", """
            {"ts": "{day:iso} {t1}", "level": "warning", "svc": "{service}", "msg": "[slow answer from|queue behind] {upstream}", "code": "{other}", "ms": {fast}, "id": "{old_request}"}
            {"ts": "{day:iso} {t2}", "level": "error", "svc": "{service}", "node": "{host}", "code": "{error}", "http": {status}, "ms": {ms}, "id": "{request_id}", "uri": "{path}"{?user}, "uid": "{user}"{/}}
            {"ts": "{day:iso} {t3}", "level": "info", "svc": "{bystander}", "msg": "[deployed|config reloaded|scaled up]", "version": "{version}"}
            {"ts": "{day:iso} {t5}", "level": "{?recovered}info{/}{!recovered}error{/}", "svc": "{service}", "msg": "{?recovered}[probe passed|up again]{/}{!recovered}[probe failed|crash loop]{/}", "attempt": {attempts}}
            """),
        Layout("en us gb eu", """
            [Incident note|Post-mortem, short form|On-call handover] ({engineer}), {day}

            [At|Around] {t1} {service} on {host} [began to log|showed] {other} [when it called|while talking to] {upstream} (request {old_request}, {fast} ms), [which it survived|only a warning]. At {t2} [the request|a request,] {request_id}{?user} of user {user}{/} to {path} [failed with|died with] {error}: status {status} after {ms} ms. {bystander} [was not affected|went on as usual]. [We rolled back to|A restart with] {version} ({commit}) at {t4}, and {?recovered}[since then all probes are green|the service came back].{/}{?down}[it still does not come up|the probes keep failing]; [open|not solved].{/}
            """),
    ),
)  # fmt: skip

_FIXES = (
    "crash when the list is empty", "wrong sort order in French", "memory leak in the watcher", "missing retry on timeout",
    "off-by-one in paging", "flaky login on slow links", "broken links in the manual", "lost cursor after undo",
    "time zones east of +12", "double slash in URLs", "race in the cache", "unreadable error on Windows", "negative durations",
)  # fmt: skip
_BREAKS = ("drop support for config v1", "rename --out to --output", "require TLS 1.3", "return lists instead of tuples", "remove the old importer", "make ids strings")  # fmt: skip


def _changelog(dice: Dice, locale: Locale) -> Facts:
    major, minor = dice.whole(0, 9), dice.whole(1, 30)
    released = dice.day()
    return {
        "project": dice.pick(("tidepool", "larkspur", "gridloom", "pomelo", "quillcache", "ferrite-ui", "stonefruit", "mapkin")),
        "version": f"{major}.{minor}.{dice.whole(0, 9)}", "previous": f"{major}.{minor - 1}.{dice.whole(0, 9)}", "released": released,
        "before": dice.later(released, -120, -20), "breaking": dice.some(_BREAKS, dice.whole(0, 2)),
        "fixes": [{"issue": dice.whole(101, 4999), "summary": fix} for fix in dice.some(_FIXES, dice.whole(2, 4))],
        "contributors": values.people(dice, locale, 2), "commit": dice.code("%%%%%%%%%%"), "yanked": f"{major}.{minor}.{dice.whole(10, 19)}",
        "runtime": dice.maybe(f"{dice.whole(1, 20)}.{dice.whole(0, 14)}"), "files": dice.whole(4, 90), "plus": dice.whole(90, 4000), "minus": dice.whole(20, 900),
        "old_fix": dice.pick(_FIXES), "old_issue": dice.whole(10, 99),
    }  # fmt: skip


CHANGELOG = DocumentType(
    "changelog",
    "domain_specific",
    fields.record(
        project=fields.text(),
        version=fields.text("Of this release"),
        released=fields.day(),
        breaking=fields.listed(fields.text(), "Breaking changes; empty if there are none"),
        fixes=fields.listed(fields.record(issue=fields.integer(), summary=fields.text("As written")), "Of this release"),
        contributors=fields.listed(fields.text()),
        minimum_runtime=fields.optional(fields.text("Version")),
    ),
    lambda dice, locale: (facts := _changelog(dice, locale)) | {"minimum_runtime": facts["runtime"]},
    (
        Layout("en", """
            # [Changelog|Release notes|History] of {project}

            ## [v|]{version} – {released:iso}
            {?breaking}### [Breaking|Breaking changes|Incompatible]
            {#breaking}- {.}
            {/}{/}### [Fixed|Fixes|Bug fixes]
            {#fixes}- {summary} (#{issue})
            {/}{?runtime}### [Requires|Needs]
            - runtime {runtime} or newer
            {/}[Thanks to|Contributors:] {contributors:and}

            ## [v|]{previous} – {before:iso}
            - {old_fix} (#{old_issue})
            """),
        Layout("en us gb", """
            commit {commit}
            Author: {contributors}
            Date:   {released:iso}

                release: {project} {version}

                [Supersedes|Replaces] {yanked}, which was [tagged by mistake|yanked]; the last good one was {previous} ({before:iso}).
            {#breaking}    BREAKING CHANGE: {.}
            {/}{#fixes}    <fix|bugfix>: {summary} (<closes|fixes> #{issue})
            {/}{?runtime}    [minimum runtime is now|bump minimum runtime to] {runtime}
            {/}
             {files} files changed, {plus} insertions(+), {minus} deletions(-)
            """),
        Layout("en us eu gb", """
            [Hello list|Dear users|To all packagers],

            {project} {version} [is out|was released] on {released}[, after {previous} of {before}| and follows {previous} ({before})]. {?breaking}[Mind what breaks|Before you upgrade, note]: {breaking:and}.{/}{!breaking}[Nothing breaks.|It is a drop-in replacement.]{/} [Repaired|Fixed] [are|have been]: {#fixes}<{summary}, issue {issue}|#{issue}, {summary}>; {/}[{old_fix} was already fixed in {previous}|and the documentation]. {?runtime}[You need at least runtime|The oldest runtime that works is] {runtime}.{/} [Do not use {yanked}, it was never meant to leave the house.|{yanked} has been withdrawn.]

            {contributors:and}
            """),
    ),
)  # fmt: skip


def _config(dice: Dice, _: Locale) -> Facts:
    sites = [
        f"{name}.example.{dice.pick(('com', 'org'))}"
        for name in dice.some(
            ("app", "admin", "shop", "wiki", "static", "status", "beta", "intern"), 3
        )
    ]
    return {
        "service": dice.pick(_SERVICES), "host": f"10.{dice.whole(0, 255)}.{dice.whole(0, 255)}.{dice.whole(1, 254)}", "port": dice.whole(1025, 9999),
        "old_host": f"192.168.{dice.whole(0, 255)}.{dice.whole(1, 254)}", "old_port": dice.whole(1025, 9999), "max_connections": dice.whole(2, 90) * 10,
        "old_max": dice.whole(2, 90) * 5 + 1, "timeout": dice.whole(3, 120), "tls": (tls := dice.chance(0.5)), "plain": not tls,
        "origins": sites[: dice.whole(1, 2)], "old_origin": sites[2], "cert": dice.maybe(f"/etc/ssl/{dice.code('%%%%%%')}.pem"), "level": dice.pick(("debug", "info", "warn", "error")),
        "changed": dice.day(), "who": values.given_names(dice, 1)[0], "ticket": dice.code("OPS-####"), "idle": dice.whole(121, 900),
    }  # fmt: skip


CONFIG_SNIPPET = DocumentType(
    "config_snippet",
    "domain_specific",
    fields.record(
        service=fields.text(),
        listen=fields.record(host=fields.text(), port=fields.integer()),
        tls=fields.record(enabled=fields.flag("Whether TLS is on"), certificate=fields.optional(fields.text("Path"))),
        max_connections=fields.integer("In force"),
        request_timeout_s=fields.integer(),
        allowed_origins=fields.listed(fields.text("Host name"), "In force"),
        log_level=fields.choice(("debug", "info", "warn", "error")),
    ),
    lambda dice, locale: (facts := _config(dice, locale))
    | {
        "listen": {"host": facts["host"], "port": facts["port"]}, "tls": {"enabled": facts["tls"], "certificate": facts["cert"]},
        "on": facts["tls"], "request_timeout_s": facts["timeout"], "allowed_origins": facts["origins"], "log_level": facts["level"],
    },
    (
        Layout("en", """
            # {service} – [edited by|last change] {who} {changed:iso}, {ticket}
            [server]
            name = "{service}"
            # host = "{old_host}"   [moved|old rack|before the move]
            host = "{host}"
            port = {port}          # [was|before:] {old_port}
            max_connections = {max_connections}
            request_timeout = "{timeout}s"
            idle_timeout = "{idle}s"

            [tls]
            enabled = {?on}true{/}{!on}false{/}
            {?cert}certificate = "{cert}"
            {/}
            [cors]
            allowed_origins = [{#origins}"{.}", {/}]
            # "{old_origin}" [removed|gone] with {ticket}

            [log]
            level = "{level}"
            """),
        Layout("en", """
            service: {service}
            # {ticket} {who}: [raised|lowered|changed] max_connections, was {old_max} ({changed:iso})
            limits:
              max_connections: {max_connections}
              request_timeout_seconds: {timeout}
              idle_timeout_seconds: {idle}
            listen:
              - address: {host}
                port: {port}
              # - address: {old_host}
              #   port: {old_port}
            tls: {?on}on{/}{!on}off{/}
            {?cert}tls_certificate: {cert}
            {/}allowed_origins:
            {#origins}  - {.}
            {/}#  - {old_origin}
            log_level: {level}
            """),
        Layout("en us eu gb", """
            [Change request|Ticket|Request] {ticket} ({who}, {changed})

            [Please set up|Please roll out] {service} [as follows|like this]: it [listens|should listen] on {host}, port {port} [(no longer on {old_host}:{old_port})|(and not {old_host}:{old_port} as in the draft)]. [At most|Allow] {max_connections} connections [instead of|where it used to be] {old_max}; [requests time out after|request timeout] {timeout} seconds, [idle connections after|idle ones after] {idle}. TLS [is|stays] {?on}[on|enabled]{/}{!on}[off|disabled, the proxy does that]{/}{?cert}; [the certificate lies at|certificate:] {cert}{/}. [Allowed origins:|Accept requests from] {origins:and}[, but {old_origin} must go| ({old_origin} is to be dropped)]. [Log level|Logging at level] {level}.
            """),
    ),
)  # fmt: skip


def _dns(dice: Dice, _: Locale) -> Facts:
    zone = f"{dice.pick(('harbour', 'lindgren', 'kiosk', 'tramline', 'orchard', 'nebula', 'fenland'))}.example.{dice.pick(('com', 'org'))}"
    pool = [
        {"name": "www", "type": "A", "value": f"192.0.2.{dice.whole(1, 254)}"},
        {"name": dice.pick(("api", "cdn", "img")), "type": "AAAA", "value": dice.code("2001:db8:%%%%::%%")},
        {"name": dice.pick(("shop", "blog", "docs")), "type": "CNAME", "value": f"{dice.pick(('edge', 'pages', 'lb'))}{dice.whole(1, 9)}.example.org"},
        {"name": dice.pick(("vpn", "git", "chat")), "type": "A", "value": f"198.51.100.{dice.whole(1, 254)}"},
        {"name": "_acme-challenge", "type": "TXT", "value": dice.code("%%%%%%%%%%%%")},
    ]  # fmt: skip
    return {
        "zone": zone, "ttl": dice.pick((300, 600, 900, 3600, 7200)), "serial": int(dice.code("20260###~#")), "old_serial": int(dice.code("20250###~#")),
        "primary": f"ns{dice.whole(1, 4)}.example.{dice.pick(('com', 'org'))}", "records": dice.some(pool, dice.whole(3, 4)), "mail_server": dice.maybe(f"mx{dice.whole(1, 9)}.example.org"),
        "gone": dice.pick(("ftp", "old", "wap")), "gone_value": f"203.0.113.{dice.whole(1, 254)}", "who": values.given_names(dice, 1)[0], "day": dice.day("2026-01-04"),
        "refresh": dice.whole(2, 9) * 1200, "retry": dice.whole(2, 9) * 100,
    }  # fmt: skip


DNS_ZONE = DocumentType(
    "dns_zone",
    "domain_specific",
    fields.record(
        zone=fields.text("Without final dot"),
        default_ttl=fields.integer("Seconds"),
        serial=fields.integer(),
        primary_server=fields.text("Without final dot"),
        mail_server=fields.optional(fields.text("Without final dot")),
        records=fields.listed(
            fields.record(name=fields.text("As written"), type=fields.choice(("A", "AAAA", "CNAME", "TXT")), value=fields.text("Without quotes or final dot")),
            "Active A, AAAA, CNAME and TXT records",
        ),
    ),
    lambda dice, locale: (facts := _dns(dice, locale)) | {"default_ttl": facts["ttl"], "primary_server": facts["primary"]},
    (
        Layout("en", """
            $ORIGIN {zone}.
            $TTL {ttl}
            @ IN SOA {primary}. hostmaster.example.org. (
                {serial} ; serial, before {old_serial}
                {refresh} ; refresh
                {retry} ; retry
                1209600 900 )
            @ IN NS {primary}.
            {?mail_server}@ IN MX 10 {mail_server}.
            {/}{#records}{name:<16} IN {type:<6} {value}
            {/}; {gone} IN A {gone_value} ; off since {day:iso}, {who}
            """),
        Layout("en", """
            resource "dns_zone" "main" {
              name    = "{zone}"
              ttl     = {ttl}      # serial {serial} (was {old_serial})
              primary = "{primary}"
            {?mail_server}  mx      = "{mail_server}"
            {/}}
            {#records}record "{name}" { type = "{type}" value = "{value}" }
            {/}# deleted {day:iso} by {who}: record "{gone}" { type = "A" value = "{gone_value}" }
            """),
        Layout("en us eu", """
            {who} wrote on {day}:

            The zone {zone} is live with serial {serial} (the last one was {old_serial}). Default TTL {ttl} s, refresh {refresh} s, primary {primary}. {?mail_server}Mail goes to {mail_server}.{/}{!mail_server}We take no mail there.{/} Entries: {#records}{name} as {type} to {value}; {/}and {gone} ({gone_value}) has been deleted.
            """),
    ),
    held_out=True,
)  # fmt: skip


def _sensor(dice: Dice, locale: Locale) -> Facts:
    quantity, unit, low, high = dice.pick((("water temperature", "°C", 4, 24), ("river level", "cm", 60, 420), ("wind speed", "m/s", 0, 19),
                                           ("soil moisture", "%", 8, 61), ("relative humidity", "%", 31, 97), ("pressure", "hPa", 985, 1035)))  # fmt: skip
    hours = sorted(dice.some(list(range(24)), 4))
    readings = [
        {"time": f"{hour:02}:{dice.pick(('00', '15', '30'))}", "value": dice.amount(low, high, 1)}
        for hour in hours
    ]
    day = dice.day()
    return {
        "station": f"{dice.pick(('Weir', 'Ridge', 'Dock', 'Orchard', 'Dam', 'Pier', 'Marsh', 'Summit'))} {dice.whole(1, 60)}", "date": day, "quantity": quantity, "unit": unit,
        "readings": readings[:3], "bad": readings[3], "observer": dice.maybe(values.person(dice, locale)), "calibrated": dice.later(day, -300, -20),
        "device": dice.code("??-###"), "battery": dice.amount(3, 4.2, 2), "mean": dice.amount(low, high, 1), "place": values.city(dice, locale),
    }  # fmt: skip


SENSOR_SHEET = DocumentType(
    "sensor_sheet",
    "medium",
    fields.record(
        station=fields.text(),
        date=fields.day("Of the readings"),
        quantity=fields.text("What is measured, as written"),
        unit=fields.text(),
        readings=fields.listed(
            fields.record(time=fields.text("HH:MM"), value=fields.number()), "Valid ones only"
        ),
        observer=fields.optional(fields.text()),
    ),
    _sensor,
    (
        Layout("en us gb eu", """
            [STATION|Station] {station} ({place})   [device|sensor] {device}
            [{quantity} in {unit}|{quantity}, unit {unit}]     [date|day] {date}
            {#readings}{time}   {value:>8}
            {/}{bad.time}   {bad.value:>8}  [INVALID (ice)|rejected, frozen sensor|discard: cable fault]
            [monthly mean|mean of the month] {mean}, [battery|supply] {battery} V, [calibrated|last calibration] {calibrated}
            {?observer}[observer|read by]: {observer}{/}
            """),
        Layout("de ch fr", """
            # station;{station};{place};{device}
            # [date|datum];{date};calibration;{calibrated}
            # {quantity};{unit}
            time;value;flag
            {#readings}{time};{value};<ok|valid>
            {/}{bad.time};{bad.value};[error|invalid|drop]
            # mean;{mean};battery;{battery} V
            {?observer}# observer;{observer}{/}
            """),
        Layout("en in us", """
            [Field log|Log book|Notes from the field], {date}, station {station} near {place}. [I read|We took] the {quantity} [in|, unit:] {unit}: {#readings}<{value} at {time}|at {time} it was {value}>, {/}[and {bad.value} at {bad.time}, which you must strike out because the probe lay dry|while the {bad.value} of {bad.time} is void, the probe had come loose]. [The mean of last month was {mean}.|Last month's mean: {mean}.] [Device|Instrument] {device}, calibrated {calibrated}, battery {battery} V. {?observer}[Observer|Signed]: {observer}{/}
            """),
    ),
)  # fmt: skip

_CHEMICALS = (
    ("acetone", "67-64-1", "C3H6O", "-17", "56"), ("methanol", "67-56-1", "CH4O", "10", "65"), ("toluene", "108-88-3", "C7H8", "4", "111"),
    ("ethyl acetate", "141-78-6", "C4H8O2", "-4", "77"), ("cyclohexane", "110-82-7", "C6H12", "-18", "81"), ("propan-2-ol", "67-63-0", "C3H8O", "12", "82"),
    ("acetic acid", "64-19-7", "C2H4O2", "39", "118"), ("n-heptane", "142-82-5", "C7H16", "-4", "98"), ("pyridine", "110-86-1", "C5H5N", "17", "115"),
    ("tetrahydrofuran", "109-99-9", "C4H8O", "-14", "66"), ("diethyl ether", "60-29-7", "C4H10O", "-45", "35"), ("acetonitrile", "75-05-8", "C2H3N", "2", "82"),
)  # fmt: skip


def _safety(dice: Dice, locale: Locale) -> Facts:
    (name, cas, formula, flash, boils), other = dice.some(_CHEMICALS, 2)
    revised = dice.day()
    return {
        "substance": name, "cas": cas, "formula": formula, "flash": int(flash), "other": other[0], "other_cas": other[1],
        "product": f"{dice.pick(('Klarin', 'Solvex', 'Purasol', 'Rinse-It', 'Degrea', 'Labpur', 'Thinner'))} {dice.code('~#?')}",
        "signal": dice.pick(("Danger", "Warning")), "hazards": dice.some(("H225", "H302", "H319", "H336", "H304", "H361", "H373", "H412", "H315"), dice.whole(2, 4)),
        "old_hazards": dice.some(("H350", "H330", "H400"), 1), "supplier": values.company(dice, locale), "emergency": values.phone(dice, locale),
        "un": dice.maybe(dice.code("UN 1###")), "revised": revised, "former": dice.later(revised, -900, -100), "version": f"{dice.whole(2, 9)}.{dice.whole(0, 9)}",
        "content": dice.amount(51, 94.9, 1), "rest": dice.amount(0.1, 4.9, 1), "boils": int(boils), "office": values.phone(dice, locale),
    }  # fmt: skip


SAFETY_DATA_SHEET = DocumentType(
    "safety_data_sheet",
    "domain_specific",
    fields.record(
        product=fields.text("Trade name"),
        main_component=fields.record(name=fields.text(), cas_number=fields.text(), formula=fields.text(), percent=fields.number()),
        flash_point_c=fields.integer("°C"),
        signal_word=fields.choice(("Danger", "Warning")),
        hazard_codes=fields.listed(fields.text(), "H statements in force"),
        un_number=fields.optional(fields.text("As written")),
        revised=fields.day("Of this version"),
    ),
    lambda dice, locale: (facts := _safety(dice, locale))
    | {
        "main_component": {"name": facts["substance"], "cas_number": facts["cas"], "formula": facts["formula"], "percent": facts["content"]},
        "flash_point_c": facts["flash"], "signal_word": facts["signal"], "hazard_codes": facts["hazards"], "un_number": facts["un"],
    },
    (
        Layout("en us gb eu", """
            SAFETY DATA SHEET   [version|rev.] {version}   [revised|revision date] {revised} ([replaces|supersedes] {former})
            1. [Product|Trade name]: {product}. [Supplier|Manufacturer]: {supplier}, {office}. [Emergency|In emergencies]: {emergency}
            2. [Signal word|Label]: {signal}. [Hazard statements|H statements]: {hazards} ({old_hazards} [deleted in this version|no longer applies])
            3. [Composition|Ingredients]: {substance}, CAS {cas}, {formula}, {content} %; {other}, CAS {other_cas}, {rest} %
            9. [Flash point|FP] {flash} °C, [boiling point|bp] {boils} °C
            14. [Transport|ADR]: {?un}{un}{/}{!un}[not classified|no dangerous goods in this pack size]{/}
            """, scan=True),
        Layout("de ch", """
            Sicherheitsdatenblatt {product}, [Fassung|Version] {version}, [überarbeitet am|Stand] {revised} ([ersetzt|vorige Fassung] {former})
            [Lieferant|Hersteller] {supplier}, Tel. {office}; Notruf {emergency}
            [Signalwort|Kennzeichnung]: {signal}
            [Gefahrenhinweise|H-Sätze]: {hazards} – [gestrichen|entfallen]: {old_hazards}
            [Hauptbestandteil|Enthält vor allem] {substance} ({formula}, CAS-Nr. {cas}) zu {content} %; [daneben|Nebenbestandteil] {other} (CAS-Nr. {other_cas}) {rest} %
            [Flammpunkt|Flammpunkt (geschl. Tiegel)] {flash} °C; Siedepunkt {boils} °C
            {?un}[Transport|Gefahrgut]: {un}{/}{!un}Kein Gefahrgut{/}
            """),
        Layout("en in us", """
            [Briefing for the store room|Note for all who handle it|Summary for the laboratory]: {product} by {supplier} [is mostly|consists mainly of] {substance} ({formula}, CAS {cas}), namely {content} %, [with|besides] {rest} % {other} (CAS {other_cas}). [On the label you find the word|The signal word is] {signal} and {hazards:and}; {old_hazards} [was on the old label and is no longer valid|has been dropped since the version of {former}]. [Its flash point is {flash} °C and it boils at {boils} °C|It boils at {boils} °C, and the flash point is {flash} °C]. {?un}[It travels as|For transport it is] {un}.{/} [Sheet {version} was revised on|The sheet dates from] {revised}. [Emergencies|If something goes wrong]: {emergency}[, not {office}, which is the sales desk|].
            """),
    ),
)  # fmt: skip

"""Times as people and programs write them; order of day and month is decided on a whole column."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any, NamedTuple

from dateutil import parser, tz

from spaf.bench.detection.reading.read_options import DateOrder
from spaf.errors import SettingsError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
# The date that dateutil completes a time with; a year that no series begins in.
_NO_DATE = datetime(1600, 1, 1)  # noqa: DTZ001 - completes texts without a zone
_MIN_YEAR, _MAX_YEAR = 1900, 2100
# POSIX: years of two digits are 1969 to 2068.
_LAST_OF_2000, _YEAR_DIGITS = 68, 4
_MAX_HOUR, _MAX_MINUTE = 24, 59
# Days of a month, and of a year.
_MONTH, _YEAR = range(28, 32), 366
# Upper limit of epoch numbers by unit, each in the year 5138, and units in a second.
_EPOCH_UNITS = (
    (10**11, 1, "s"),
    (10**14, 10**3, "ms"),
    (10**17, 10**6, "\u00b5s"),
    (math.inf, 10**9, "ns"),
)
# Days since 1899-12-30, as spreadsheets count: 1968 to 2064.
_SERIAL_DAYS = (25_000, 60_000)
_SERIAL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a local time
# Hours of zones whose names mail headers (RFC 2822) and programs in Brazil and Europe write.
_ZONE_HOURS = dict.fromkeys(("UTC", "GMT", "UT", "Z", "WET"), 0) | {
    "WEST": 1,
    "CET": 1,
    "CEST": 2,
    "EET": 2,
    "EEST": 3,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "BRT": -3,
    "BRST": -2,
    "FNT": -2,
    "AMT": -4,
    "ACT": -5,
}

_COMPACT_FORMS = (
    (14, "%Y%m%d%H%M%S"),
    (12, "%Y%m%d%H%M"),
    (8, "%Y%m%d"),
    (6, "%Y%m"),
    (4, "%Y"),
)
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?(?:[eE]\+?[0-9]{1,2})?")
_THREE = re.compile(
    r"([0-9]{4}|[0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4}|[0-9]{1,2})(?![0-9])(.*)", re.DOTALL
)
_PLAIN_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ](?:[01][0-9]|2[0-3])[0-9:.,]*(?:Z|[+-][0-9:]+)?)?"
)
_YEAR_MONTH = re.compile(r"[0-9]{4}\.[0-9]{2}")
_MONTH_OF_YEAR = re.compile(
    r"(?P<m1>[0-9]{1,2})[/.-](?P<y1>[0-9]{4})|(?P<y2>[0-9]{4})(?:[/.-]|-?M)(?P<m2>[0-9]{1,2})"
)
_QUARTER = re.compile(
    r"(?P<y1>[0-9]{4})[ -]?[QT](?P<q1>[1-4])|[QT](?P<q2>[1-4])[ /-]?(?P<y2>[0-9]{4})"
    r"|(?P<q3>[1-4])[\u00ba\u00b0]? ?(?:TRI|TRIM|TRIMESTRE)\.?(?: DE)?[ /-](?P<y3>[0-9]{4})",
    re.IGNORECASE,
)
_NAMED_MONTH = re.compile(r"([^\W\d_]{3,10})\.?[ /.-]*(?:de )?'?([0-9]{4}|[0-9]{2})", re.IGNORECASE)
_ONE_DIGIT_HOUR = re.compile(r"(?<![0-9:.])([0-9]:[0-9]{2})")
_AM_PM = re.compile(r"\b([ap])\.? ?m\b\.?", re.IGNORECASE)
_ZONE_NAME = re.compile(r" ?\b(?:UTC|GMT)(?: ?(?=[+-][0-9])|$)")
_COMMENT = re.compile(r" ?(?:\([^)]*\)|\[[^\]]*\])$")
_DOTTED_CLOCK = re.compile(r"(?<= )([0-9]{1,2})\.([0-9]{2})\.([0-9]{2})(?![0-9])")
_CLOCK = re.compile(
    r"[0-9]{1,2}[:h][0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?[ap]\.?m\.?)?", re.IGNORECASE
)
_HOUR = re.compile(r"([0-9]{1,2})(?:h|hs|hrs)?|([0-9]{2})([0-9]{2})(?: ?UTC)?", re.IGNORECASE)


class _Names(parser.parserinfo):
    """Names of months and days in English and Portuguese, as dateutil's parser wants them."""

    JUMP: list[str] = [  # noqa: RUF012
        *parser.parserinfo.JUMP,
        "de",
        "\u00e0s",
        "as",
        "feira",
        "\u00ba",
        "@",
    ]
    MONTHS: list[Any] = [  # noqa: RUF012 - as its base
        ("jan", "january", "janeiro"),
        ("feb", "february", "fev", "fevereiro"),
        ("mar", "march", "mar\u00e7o", "marco"),
        ("apr", "april", "abr", "abril"),
        ("may", "mai", "maio"),
        ("jun", "june", "junho"),
        ("jul", "july", "julho"),
        ("aug", "august", "ago", "agosto"),
        ("sep", "sept", "september", "set", "setembro"),
        ("oct", "october", "out", "outubro"),
        ("nov", "november", "novembro"),
        ("dec", "december", "dez", "dezembro"),
    ]
    WEEKDAYS: list[Any] = [  # noqa: RUF012
        ("mon", "monday", "seg", "segunda"),
        ("tue", "tuesday", "ter", "ter\u00e7a"),
        ("wed", "wednesday", "qua", "quarta"),
        ("thu", "thursday", "qui", "quinta"),
        ("fri", "friday", "sex", "sexta"),
        ("sat", "saturday", "s\u00e1b", "sab", "s\u00e1bado"),
        ("sun", "sunday", "dom", "domingo"),
    ]


_NAMES = _Names()


def _offset(name: str | None, seconds: int | None) -> tzinfo | None:
    """Return the zone of a text; dateutil calls it with the name and the offset it has read."""
    if seconds is not None:
        # A timezone checks that it is less than a day.
        return timezone(timedelta(seconds=seconds))
    if name is None:
        return None
    if name.upper() not in _ZONE_HOURS:
        raise ValueError(name)
    return tz.tzoffset(name, _ZONE_HOURS[name.upper()] * 3600)


def named_zone(name: str) -> tzinfo:
    """Return a zone by its name in the IANA database, or by an offset such as -03:00.

    Raises:
        SettingsError: there is no such zone.

    """
    if name.upper() in {"UTC", "Z"}:
        return UTC
    if re.fullmatch(r"[+-][0-9]{2}:?(?:[0-9]{2})?", name):
        return datetime.fromisoformat(f"2000-01-01T00:00:00{name}").tzinfo or UTC
    zone = tz.gettz(name) if re.fullmatch(r"[A-Za-z][\w+/-]*", name) else None
    if zone is None:
        raise SettingsError(
            f"--zone {name}: there is no such zone.",
            todo="For example America/Sao_Paulo or -03:00.",
        )
    return zone


def tidy(text: str) -> str:
    """Return a time with plain blanks, without a comment, AM and PM in one spelling."""
    plain = " ".join(text.replace("\u202f", " ").replace("\u00a0", " ").split())
    if plain.isascii() and plain[:4].isdigit() and plain[-1:].isdigit():
        return plain
    plain = _DOTTED_CLOCK.sub(r"\1:\2:\3", _COMMENT.sub("", plain))
    return _AM_PM.sub(lambda match: f"{match[1].upper()}M", plain)


def is_clock(text: str) -> bool:
    """Return whether a text is a time of day and nothing else."""
    return _CLOCK.fullmatch(tidy(text)) is not None


def clock_of_hour(text: str) -> str | None:
    """Return the time of day of an hour such as 7, 07h, 0700 or 0700 UTC; 24 ends the day."""
    match = _HOUR.fullmatch(text)
    if match is None:
        return text if _CLOCK.fullmatch(text) else None
    hour, minute = int(match[1] or match[2]), int(match[3] or 0)
    return f"{hour:02d}:{minute:02d}" if hour <= _MAX_HOUR and minute <= _MAX_MINUTE else None


class TimeColumn(NamedTuple):
    """The instants of a column, in microseconds since 1970, and what was assumed."""

    instants: list[int | None]
    form: str
    ambiguous: bool = False
    zone: str = ""
    """The zone of texts that name none; empty if all of them name one."""
    repaired: int = 0
    """Local times that the zone's clocks skipped or showed twice."""


class TimeReader:
    """Reads the texts of one column; a text that it cannot read has no instant."""

    def __init__(
        self, order: DateOrder | None, zone: str | None, *, prefer_day_first: bool
    ) -> None:
        """Keep what the user has fixed, and which order the rest of the file suggests."""
        self._order = order
        self._zone = zone
        self._prefer_day_first = prefer_day_first

    def read(self, texts: Sequence[str]) -> TimeColumn:
        """Return the instants of all texts, None for those that cannot be read."""
        tidied = [tidy(text) for text in texts]
        distinct = list(dict.fromkeys(text for text in tidied if text))
        ambiguous = False
        if distinct and all(_NUMBER.fullmatch(text) for text in distinct):
            form, convert = _number_form(distinct)
        else:
            order, form, ambiguous = self._choose_order(distinct)
            convert = partial(_moment, order=order)
        moments = {text: convert(text) for text in distinct}
        column = [moments.get(text) for text in tidied]
        if all(moment is None or moment.tzinfo for moment in moments.values()):
            instants = [None if moment is None else _instant(moment) for moment in column]
            return TimeColumn(instants, form, ambiguous)
        instants, repaired = _localise(column, named_zone(self._zone or "UTC"))
        return TimeColumn(instants, form, ambiguous, self._zone or "UTC", repaired)

    def _choose_order(self, texts: Sequence[str]) -> tuple[DateOrder, str, bool]:
        """Return the order of day and month, its name, and whether another one fits as well."""
        matches = (_THREE.match(text) for text in texts)
        triples = list(
            dict.fromkeys(
                (int(date[1]), int(date[3]), int(date[4]))
                for date in matches
                if date and len(date[1]) < _YEAR_DIGITS
            )
        )
        preferred = DateOrder.dmy if self._prefer_day_first else DateOrder.mdy
        if not triples:
            iso = all(text[:4].isdecimal() for text in texts)
            return preferred, "ISO 8601" if iso else "months by name", False
        if self._order is not None:
            return self._order, _ORDER_NAMES[self._order], False
        dates = {
            order: [date for triple in triples if (date := _date(triple, order))]
            for order in (preferred, *(order for order in DateOrder if order is not preferred))
        }
        most = max(map(len, dates.values()))
        fitting = {order: fits for order, fits in dates.items() if len(fits) == most}
        # The first of the best; where nothing suggests an order, the one of the shortest time.
        order = min(
            fitting,
            key=lambda order: (
                _irregularity(fitting[order]),
                timedelta() if self._prefer_day_first else _span(fitting[order]),
            ),
        )
        ambiguous = fitting.get(DateOrder.dmy, fitting[order]) != fitting.get(
            DateOrder.mdy, fitting[order]
        )
        return order, _ORDER_NAMES[order], ambiguous


DAY_FIRST = "day first"
_ORDER_NAMES = {
    DateOrder.dmy: DAY_FIRST,
    DateOrder.mdy: "month first",
    DateOrder.ymd: "year first",
}


@lru_cache(maxsize=100_000)
def _date(triple: tuple[int, int, int], order: DateOrder) -> datetime | None:
    """Return the date of three numbers in an order, or None if there is none."""
    first, second, third = triple
    if order is DateOrder.dmy:
        year, month, day = third, second, first
    elif order is DateOrder.mdy:
        year, month, day = third, first, second
    else:
        year, month, day = first, second, third
    try:
        return datetime(_full_year(year), month, day)  # noqa: DTZ001 - a date
    except ValueError:
        return None


def _full_year(year: int) -> int:
    """Return a year of two digits in the century that POSIX gives it: 1969 to 2068."""
    if year >= 100:  # noqa: PLR2004 - has a century
        return year
    return year + (1900 if year > _LAST_OF_2000 else 2000)


def _irregularity(dates: Sequence[datetime]) -> tuple[int, int, int]:
    """Return how badly dates follow each other: steps backwards, lengths of steps, gaps of years.

    Months have 28 to 31 days: such steps count as alike.
    """
    steps = [(after - before).days for before, after in pairwise(dates)]
    forwards = sum(step > 0 for step in steps)
    lengths = {min(_MONTH) if abs(step) in _MONTH else abs(step) for step in steps}
    gaps = sum(abs(step) > _YEAR for step in steps)
    return min(forwards, len(steps) - forwards), gaps, len(lengths)


def _span(dates: Sequence[datetime]) -> timedelta:
    return max(dates) - min(dates) if dates else timedelta()


def _number_form(texts: Sequence[str]) -> tuple[str, Callable[[str], datetime | None]]:
    """Return what the numbers of a column are, and how one becomes a moment."""
    for length, form in _COMPACT_FORMS:
        if all(len(text) == length and _compact(text, form) for text in texts):
            return "compact dates", partial(_compact, form=form)
    if all(_YEAR_MONTH.fullmatch(text) and _moment(text, DateOrder.ymd) for text in texts):
        return "year and month", partial(_moment, order=DateOrder.ymd)
    values = {text: Decimal(text.replace(",", ".")) for text in texts}
    high = max(values.values())
    if _SERIAL_DAYS[0] <= min(values.values()) and high < _SERIAL_DAYS[1]:
        return "spreadsheet days", lambda text: _SERIAL_EPOCH + timedelta(days=float(values[text]))
    unit, per_second = next(
        (unit, per_second) for limit, per_second, unit in _EPOCH_UNITS if high < limit
    )
    return f"epoch {unit}", lambda text: _of_epoch(values[text] / per_second)


def _of_epoch(seconds: Decimal) -> datetime | None:
    try:
        return EPOCH + timedelta(microseconds=int(seconds * 1_000_000))
    except OverflowError:
        return None


def _compact(text: str, form: str) -> datetime | None:
    try:
        moment = datetime.strptime(text, form)  # noqa: DTZ007 - a local time
    except ValueError:
        return None
    return moment if _MIN_YEAR <= moment.year <= _MAX_YEAR else None


def _instant(moment: datetime) -> int:
    return (moment - EPOCH) // _US


def _moment(text: str, order: DateOrder) -> datetime | None:
    """Return the moment of a text, without a zone if the text names none; None if it is no time."""
    iso = _as_iso(text, order)
    if iso is None:
        return None
    try:
        return datetime.fromisoformat(iso)
    except ValueError:
        pass
    try:
        moment = parser.parse(
            iso,
            parserinfo=_NAMES,
            default=_NO_DATE,
            dayfirst=order is DateOrder.dmy and not iso[:4].isdigit(),
            tzinfos=_offset,
        )
    except (ValueError, ArithmeticError):
        return None
    return None if moment.year == _NO_DATE.year else moment


def _as_iso(text: str, order: DateOrder) -> str | None:
    """Return a text whose date, if it is of numbers, is year-month-day; None if it is no date."""
    if _PLAIN_ISO.fullmatch(text):
        return text
    text = _ZONE_NAME.sub(lambda match: "" if match.end() < len(text) else "+00:00", text)
    match = _THREE.match(text)
    if match is None:
        return _as_first_of_month(text) or text
    year_first = len(match[1]) == _YEAR_DIGITS
    date = _date(
        (int(match[1]), int(match[3]), int(match[4])), DateOrder.ymd if year_first else order
    )
    if date is None:
        return None
    rest = _ONE_DIGIT_HOUR.sub(r"0\1", match[5].lstrip(",; "))
    if rest.startswith("24:00"):
        date, rest = date + timedelta(days=1), f"00{rest[2:]}"
    joint = "" if not rest or rest[0] in "T+-" else " "
    return f"{date:%Y-%m-%d}{joint}{rest}"


def _as_first_of_month(text: str) -> str | None:
    """Return the first day of a text that names a month or a quarter; None if it names neither."""
    month, named = _MONTH_OF_YEAR.fullmatch(text), _NAMED_MONTH.fullmatch(text)
    if month:
        return f"{month['y1'] or month['y2']}-{int(month['m1'] or month['m2']):02d}-01"
    if named:
        return f"1 {named[1]} {_full_year(int(named[2]))}"
    quarter = _QUARTER.fullmatch(text)
    if quarter is None:
        return None
    number = int(quarter["q1"] or quarter["q2"] or quarter["q3"])
    return f"{quarter['y1'] or quarter['y2'] or quarter['y3']}-{3 * number - 2:02d}-01"


def _localise(moments: Sequence[datetime | None], zone: tzinfo) -> tuple[list[int | None], int]:
    """Return the instants of local times, and how many of them the clocks skipped or repeated.

    A local time that comes twice is the second one if the row before it is not earlier otherwise.
    """
    if zone is UTC:
        return [
            None if m is None else _instant(m if m.tzinfo else m.replace(tzinfo=UTC))
            for m in moments
        ], 0
    locals_ = [moment.replace(tzinfo=None) for moment in moments if moment is not None]
    steps = [(before < after) - (before > after) for before, after in pairwise(locals_)]
    newest_first = sum(steps) < 0
    ordered = list(reversed(moments)) if newest_first else moments
    instants: list[int | None] = []
    repaired, last = 0, None
    for moment in ordered:
        if moment is None:
            instants.append(None)
            continue
        local = moment
        if moment.tzinfo is None:
            local = moment.replace(tzinfo=zone)
            if not tz.datetime_exists(local):
                local, repaired = tz.resolve_imaginary(local), repaired + 1
            elif tz.datetime_ambiguous(local):
                repaired += 1
                if last is not None and _instant(local) <= last:
                    local = tz.enfold(local, 1)
        last = _instant(local)
        instants.append(last)
    return (instants[::-1] if newest_first else instants), repaired

"""What the tags of a template make: Faker.js as the Kinesis Data Generator ships it, and its own.

A tag's arguments are read once, when the template is: what is left for each row is a call without
arguments. Three tables say most of it (a word of a list, digits in a shape, a pattern of other
tags), functions the rest.

Sources: https://awslabs.github.io/amazon-kinesis-data-generator/web/help.html and the `faker.js`
beside it, version 3 with additions; tags of Faker.js 4 and 5 that templates in use have are there
too (`random.float`, `random.alpha`, `random.hexaDecimal`, `datatype.*`).
"""

import math
import random
import re
import string
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import accumulate
from typing import Any

from workbench import generate_words as words
from workbench.generate_moment import compiled, iso, text_of_date

Make = Callable[[], object]
"""Makes one value: text, an integer, or what `str` writes as JavaScript does."""

MAX_LENGTH = 100_000
"""Of what a tag makes, in characters, words or elements: a slip of the pen is not a full memory."""


class BadTagError(ValueError):
    """A tag that is not known, or arguments that it does not take; says which."""


class Source:
    """What rows are made of: chance, the clock, and the time that is simulated."""

    def __init__(self, chance: random.Random, clock: Callable[[], float], zone: tzinfo) -> None:
        """
        Args:
            chance: seeded, for the same rows again.
            clock: epoch seconds.
            zone: of `date.now` and of the dates without a format.
        """
        self.chance = chance
        self.zone = zone
        self.clock = clock
        self.simulated: float | None = None
        """What `date.simTime` says, epoch seconds; None is the clock's."""

    def now(self) -> datetime:
        """The clock's moment."""
        return datetime.fromtimestamp(self.clock(), self.zone)

    def sim_time(self) -> datetime:
        """The moment that is simulated."""
        at = self.clock() if self.simulated is None else self.simulated
        return datetime.fromtimestamp(at, self.zone)

    def below(self, count: int) -> int:
        """A whole number from 0, less than the count."""
        return int(self.chance.random() * count)

    def choose[Item](self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[int(self.chance.random() * len(items))]


Tag = Callable[..., Make]
"""Reads a tag's arguments, after the source."""

TAGS: dict[str, Tag] = {}
"""The functions, by tag."""


def tag(*names: str) -> Callable[[Tag], Tag]:
    """Register a function as what makes a tag, under each of its names."""

    def register(function: Tag) -> Tag:
        TAGS.update(dict.fromkeys(names, function))
        return function

    return register


WORDS: dict[str, Sequence[object]] = {
    "address.cityPrefix": words.CITY_PREFIXES,
    "address.citySuffix": words.CITY_SUFFIXES,
    "address.country": tuple(words.COUNTRIES),
    "address.countryCode": tuple(words.COUNTRIES.values()),
    "address.county": words.COUNTIES,
    "address.state": tuple(words.STATES),
    "address.stateAbbr": tuple(words.STATES.values()),
    "address.streetPrefix": words.STREET_PREFIXES,
    "address.streetSuffix": words.STREET_SUFFIXES,
    "address.timeZone": words.TIME_ZONES,
    "commerce.color": words.COLORS,
    "commerce.department": words.DEPARTMENTS,
    "commerce.product": words.PRODUCTS,
    "commerce.productAdjective": words.PRODUCT_ADJECTIVES,
    "commerce.productMaterial": words.PRODUCT_MATERIALS,
    "company.bsAdjective": words.BUSINESS_ADJECTIVES,
    "company.bsBuzz": words.BUSINESS_VERBS,
    "company.bsNoun": words.BUSINESS_NOUNS,
    "company.catchPhraseAdjective": words.PHRASE_ADJECTIVES,
    "company.catchPhraseDescriptor": words.PHRASE_DESCRIPTORS,
    "company.catchPhraseNoun": words.PHRASE_NOUNS,
    "company.companySuffix": words.COMPANY_SUFFIXES,
    "finance.currencyCode": tuple(words.CURRENCIES),
    "finance.currencyName": tuple(name for name, _ in words.CURRENCIES.values()),
    "finance.currencySymbol": tuple(symbol for _, symbol in words.CURRENCIES.values()),
    "finance.transactionType": words.TRANSACTION_TYPES,
    "hacker.abbreviation": words.HACKER_ABBREVIATIONS,
    "hacker.adjective": words.HACKER_ADJECTIVES,
    "hacker.ingverb": words.HACKER_ING_VERBS,
    "hacker.noun": words.HACKER_NOUNS,
    "hacker.verb": words.HACKER_VERBS,
    "internet.domainSuffix": words.DOMAIN_SUFFIXES,
    "internet.httpMethod": words.HTTP_METHODS,
    "internet.protocol": ("http", "https"),
    "internet.userAgent": words.USER_AGENTS,
    "lorem.word": words.LOREM,
    "name.jobArea": words.JOB_AREAS,
    "name.jobDescriptor": words.JOB_DESCRIPTORS,
    "name.jobType": words.JOB_TYPES,
    "name.lastName": words.LAST_NAMES,
    "name.prefix": words.NAME_PREFIXES,
    "name.suffix": words.NAME_SUFFIXES,
    "random.locale": ("de", "en", "en_GB", "en_US", "es", "fr", "it", "ja", "nl", "pl", "pt_BR"),
    "system.commonFileExt": ("pdf", "mp3", "wav", "png", "jpeg", "gif", "mp4", "mpeg", "html"),
    "system.commonFileType": ("video", "audio", "image", "text", "application"),
    "system.fileExt": tuple(words.FILE_TYPES.values()),
    "system.fileType": tuple(sorted({name.split("/")[0] for name in words.FILE_TYPES})),
    "system.mimeType": tuple(words.FILE_TYPES),
}
"""Tags that are one of a list, whatever their arguments."""

PATTERNS: dict[str, tuple[str, ...]] = {
    "address.city": (
        "{{address.cityPrefix}} {{name.firstName}}{{address.citySuffix}}",
        "{{address.cityPrefix}} {{name.firstName}}",
        "{{name.firstName}}{{address.citySuffix}}",
        "{{name.lastName}}{{address.citySuffix}}",
    ),
    "address.streetName": (
        "{{name.firstName}} {{address.streetSuffix}}",
        "{{name.lastName}} {{address.streetSuffix}}",
    ),
    "address.secondaryAddress": (
        'Apt. {{helpers.replaceSymbols("###")}}',
        'Suite {{helpers.replaceSymbols("###")}}',
    ),
    "commerce.productName": (
        "{{commerce.productAdjective}} {{commerce.productMaterial}} {{commerce.product}}",
    ),
    "company.bs": ("{{company.bsBuzz}} {{company.bsAdjective}} {{company.bsNoun}}",),
    "company.catchPhrase": (
        "{{company.catchPhraseAdjective}} {{company.catchPhraseDescriptor}} "
        "{{company.catchPhraseNoun}}",
    ),
    "company.companyName": (
        "{{name.lastName}} {{company.companySuffix}}",
        "{{name.lastName}} - {{name.lastName}}",
        "{{name.lastName}}, {{name.lastName}} and {{name.lastName}}",
    ),
    "finance.accountName": tuple(f"{kind} Account" for kind in words.ACCOUNT_TYPES),
    "hacker.phrase": (
        "Try to {{hacker.verb}} the {{hacker.abbreviation}} {{hacker.noun}}, it may "
        "{{hacker.verb}} the {{hacker.adjective}} {{hacker.noun}}!",
        "The {{hacker.noun}} is down, {{hacker.verb}} the {{hacker.adjective}} {{hacker.noun}}!",
        "{{hacker.ingverb}} the {{hacker.noun}} does nothing, {{hacker.verb}} the "
        "{{hacker.abbreviation}} {{hacker.noun}}!",
    ),
    "internet.avatar": ("https://example.com/avatars/{{random.number}}/128.jpg",),
    "internet.domainName": ("{{internet.domainWord}}.{{internet.domainSuffix}}",),
    "internet.ip": (
        "{{random.number(255)}}.{{random.number(255)}}.{{random.number(255)}}.{{random.number(255)}}",
    ),
    "internet.url": ("{{internet.protocol}}://{{internet.domainName}}",),
    "name.findName": (
        *(("{{name.firstName}} {{name.lastName}}",) * 7),
        "{{name.prefix}} {{name.firstName}} {{name.lastName}}",
        "{{name.firstName}} {{name.lastName}} {{name.suffix}}",
    ),
    "name.jobTitle": ("{{name.jobDescriptor}} {{name.jobArea}} {{name.jobType}}",),
    "random.word": (
        *("{{commerce.department}}", "{{commerce.productName}}", "{{commerce.product}}"),
        *("{{commerce.color}}", "{{company.catchPhraseNoun}}", "{{company.bsNoun}}"),
        *("{{address.streetSuffix}}", "{{address.country}}", "{{address.state}}"),
        *("{{finance.transactionType}}", "{{hacker.noun}}", "{{hacker.verb}}", "{{name.jobType}}"),
    ),
    "system.semver": ("{{random.number(9)}}.{{random.number(9)}}.{{random.number(9)}}",),
}
"""Tags that are made of others: one of the patterns each time."""

SAME = {
    "address.cityName": "address.city",
    "address.zipCodeByState": "address.zipCode",
    "company.name": "company.companyName",
    "current.timestamp": "date.now",  # the generator's own, older name
    "image.avatar": "internet.avatar",
    "name.fullName": "name.findName",
    "name.title": "name.jobTitle",
    "phone.phoneNumberFormat": "phone.phoneNumber",
    "phone.number": "phone.phoneNumber",
    "random.image": "image.image",
}
"""Tags that are another one."""

PHONES = (
    *("###-###-####", "(###) ###-####", "1-###-###-####", "###.###.####", "###-###-#### x###"),
    *("(###) ###-#### x####", "1-###-###-#### x#####", "###.###.#### x###"),
)
POSTCODES = ("#####", "#####-####")


# --- numbers and choices --------------------------------------------------------------------------


@tag("random.number", "datatype.number")
def number(source: Source, options: object = None, up_to: object = None) -> Make:
    """From min (0) to max (99999), both possible, in steps of precision (1)."""
    least, most, step = _range(options, up_to, 99_999, 1)
    return _stepped(source, least, most, step)


@tag("random.float", "datatype.float")
def floating(source: Source, options: object = None, up_to: object = None) -> Make:
    """As `random.number`, in steps of 0.01; a bare number is the step."""
    if isinstance(options, int | float) and not isinstance(options, bool) and up_to is None:
        options = {"precision": options}
    least, most, step = _range(options, up_to, 99_999, 0.01)
    return _stepped(source, least, most, step)


def _range(
    options: object, up_to: object, highest: float, step: float
) -> tuple[float, float, float]:
    if up_to is not None:
        options = {"min": options, "max": up_to}
    if options is None:
        options = {}
    if not isinstance(options, dict):
        options = {"max": options}
    unknown = options.keys() - {"min", "max", "precision"}
    if unknown:
        raise BadTagError(f"{min(unknown)!r} is none of min, max and precision")
    least, most = _number(options.get("min", 0)), _number(options.get("max", highest))
    step = _number(options.get("precision", step))
    if least > most:
        raise BadTagError(f"min {least:g} is more than max {most:g}")
    if step <= 0:
        raise BadTagError("precision has to be more than 0")
    return least, most, step


def _stepped(source: Source, least: float, most: float, step: float) -> Make:
    draw, floor = source.chance.random, math.floor
    # The epsilon is for steps like 0.1, of which a whole number of times is a little less.
    count = floor((most - least) / step + 1e-9) + 1
    if isinstance(least, int) and step == 1:
        return lambda: least + int(draw() * count)
    digits = max(_decimals(step), _decimals(least))
    return lambda: as_script(round(least + step * int(draw() * count), digits))


def _decimals(value: float) -> int:
    text = f"{value:.12f}".rstrip("0")
    return len(text) - text.index(".") - 1


def as_script(value: object) -> object:
    """A value as JavaScript writes it into text: true, null, 3 for 3.0, a list with commas."""
    match value:
        case True | False:
            return "true" if value else "false"
        case None:
            return "null"
        case float() if value.is_integer():
            return int(value)
        case list():
            return ",".join("" if item is None else str(as_script(item)) for item in value)
        case dict():
            raise BadTagError("an object has no text of its own: write its fields in the template")
    return value


@tag("random.arrayElement", "helpers.randomize", "helpers.arrayElement")
def array_element(source: Source, array: object = ("a", "b", "c")) -> Make:
    """One of the array."""
    items = [as_script(item) for item in _array(array, 'an array such as ["a", "b"]')]
    return lambda: source.choose(items)


@tag("random.arrayElements")
def array_elements(source: Source, array: object = ("a", "b", "c"), count: object = None) -> Make:
    """Several of the array, each once, with commas between: so many, or by chance."""
    items = [as_script(item) for item in _array(array, 'an array such as ["a", "b"]')]
    wanted = None if count is None else min(_count(count), len(items))

    def make() -> str:
        many = source.below(len(items)) + 1 if wanted is None else wanted
        return ",".join(str(item) for item in source.chance.sample(items, many))

    return make


@tag("random.weightedArrayElement", "helpers.weightedArrayElement")
def weighted_array_element(source: Source, options: object = None) -> Make:
    """One of data, each as often as its weight, whatever the weights' sum."""
    if options is None:
        options = {"weights": [0.5, 0.5], "data": ["dog", "cat"]}
    if not isinstance(options, dict) or options.keys() != {"weights", "data"}:
        raise BadTagError('it takes {"weights": [0.7, 0.3], "data": ["a", "b"]}')
    items = [as_script(item) for item in _array(options["data"], "data as an array")]
    weights = [_number(weight) for weight in _array(options["weights"], "weights as an array")]
    if len(weights) != len(items):
        raise BadTagError(f"there are {len(weights)} weights for {len(items)} of data")
    if min(weights) < 0 or sum(weights) <= 0:
        raise BadTagError("weights are not negative, and one is more than 0")
    upto, draw = list(accumulate(weights)), source.chance.choices
    return lambda: draw(items, cum_weights=upto)[0]


@tag("random.objectElement")
def object_element(source: Source, of: object = None, field: object = "value") -> Make:
    """A value of the object, or a key of it."""
    chosen = {"foo": "bar", "too": "car"} if of is None else of
    if not isinstance(chosen, dict) or not chosen:
        raise BadTagError('it takes an object such as {"a": 1}')
    items = list(chosen) if field == "key" else [as_script(item) for item in chosen.values()]
    return lambda: source.choose(items)


@tag("helpers.shuffle")
def shuffle(source: Source, array: object = ("a", "b", "c")) -> Make:
    """The whole array in another order, with commas between."""
    items = [str(as_script(item)) for item in _array(array, 'an array such as ["a", "b"]')]
    return lambda: ",".join(source.chance.sample(items, len(items)))


@tag("random.boolean", "datatype.boolean")
def boolean(source: Source) -> Make:
    """True or false, as often."""
    draw = source.chance.random
    return lambda: "true" if draw() < 0.5 else "false"


@tag("random.uuid", "datatype.uuid")
def uuid(source: Source) -> Make:
    """A random UUID, version 4."""
    bits = source.chance.getrandbits

    def make() -> str:
        text = f"{bits(128):032x}"
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    return make


@tag("random.alphaNumeric")
def alpha_numeric(source: Source, count: object = 1) -> Make:
    """Small letters and digits."""
    return _characters(source, string.digits + string.ascii_lowercase, count)


@tag("random.alpha")
def alpha(source: Source, options: object = 1) -> Make:
    """Letters: small, or with `{"count": 5, "upcase": true}` capital."""
    asked = options if isinstance(options, dict) else {"count": options}
    letters = string.ascii_uppercase if asked.get("upcase") else string.ascii_lowercase
    return _characters(source, letters, asked.get("count", 1))


@tag("random.hexaDecimal", "datatype.hexaDecimal")
def hexadecimal(source: Source, count: object = 1) -> Make:
    """Digits to the base of sixteen, with 0x before them."""
    make = _characters(source, string.hexdigits, count)
    return lambda: f"0x{make()}"


@tag("datatype.string")
def characters(source: Source, count: object = 10) -> Make:
    """Letters and digits."""
    return _characters(source, string.ascii_letters + string.digits, count)


def _characters(source: Source, alphabet: str, count: object) -> Make:
    many, draw = _count(count), source.chance.choices
    return lambda: "".join(draw(alphabet, k=many))


@tag("helpers.replaceSymbolWithNumber")
def replace_symbol(source: Source, shape: object = "", symbol: object = "#") -> Make:
    """Digits for each #."""
    return _shaped(source, [_text(shape)], _text(symbol), "")


@tag("helpers.replaceSymbols")
def replace_symbols(source: Source, shape: object = "") -> Make:
    """Digits for each #, capital letters for each ?."""
    return _shaped(source, [_text(shape)], "#", "?")


def _shaped(source: Source, shapes: Sequence[str], digit: str, letter: str) -> Make:
    def make() -> str:
        return "".join(
            string.digits[source.below(10)]
            if sign == digit
            else string.ascii_uppercase[source.below(26)]
            if sign == letter
            else sign
            for sign in source.choose(shapes)
        )

    return make


@tag("helpers.slugify")
def slugify(source: Source, text: object = "") -> Make:
    """The text as part of an address."""
    slug = re.sub(r"[^\w.\-]+", "", _text(text).replace(" ", "-"))
    return lambda: slug


# --- dates ----------------------------------------------------------------------------------------


@tag("date.now")
def now(source: Source, pattern: object = None) -> Make:
    """The moment, in the zone; as a moment.js format says, or ISO 8601 with the offset."""
    write = iso if pattern is None else compiled(_text(pattern))
    return lambda: write(source.now())


@tag("date.utc")
def utc(source: Source, pattern: object = None) -> Make:
    """The moment in UTC; as a moment.js format says, or ISO 8601."""
    write = iso if pattern is None else compiled(_text(pattern))
    return lambda: write(datetime.fromtimestamp(source.clock(), UTC))


@tag("date.simTime")
def sim_time(source: Source, pattern: object = None) -> Make:
    """The moment that is simulated (`--start`), or the clock's."""
    write = iso if pattern is None else compiled(_text(pattern))
    return lambda: write(source.sim_time())


@tag("date.past")
def past(source: Source, years: object = 1, before: object = None) -> Make:
    """A second to so many years ago."""
    return _around(source, _number(years or 1) * 365, -1, before)


@tag("date.future")
def future(source: Source, years: object = 1, after: object = None) -> Make:
    """In a second to so many years."""
    return _around(source, _number(years or 1) * 365, 1, after)


@tag("date.recent")
def recent(source: Source, days: object = 1, before: object = None) -> Make:
    """A second to so many days ago."""
    return _around(source, _number(days or 1), -1, before)


@tag("date.soon")
def soon(source: Source, days: object = 1, after: object = None) -> Make:
    """In a second to so many days."""
    return _around(source, _number(days or 1), 1, after)


def _around(source: Source, days: float, sign: int, reference: object) -> Make:
    fixed = None if reference is None else _moment(reference, source.zone)
    most = days * 86_400_000
    if not 1_000 <= most < 1e14:
        raise BadTagError(f"{days:g} days is too little or too much")

    def make() -> str:
        milliseconds = 1_000 + source.below(int(most) - 999)
        return text_of_date((fixed or source.now()) + sign * timedelta(milliseconds=milliseconds))

    return make


@tag("date.between")
def between(source: Source, begin: object = None, end: object = None) -> Make:
    """Between two dates: `"2020-01-01", "2021-01-01"`, or one array of them."""
    if isinstance(begin, list) and len(begin) == 2:
        begin, end = begin
    if begin is None or end is None:
        raise BadTagError('it takes two dates, such as "2026-01-01", "2026-02-01"')
    first, last = _moment(begin, source.zone), _moment(end, source.zone)
    if first > last:
        raise BadTagError("the first date is after the second")
    span = last - first
    return lambda: text_of_date(first + span * source.chance.random())


@tag("date.month")
def month(source: Source, options: object = None) -> Make:
    """A month's name; with `{"abbr": true}` three letters of it."""
    return _names(source, words.MONTHS, options)


@tag("date.weekday")
def weekday(source: Source, options: object = None) -> Make:
    """A weekday's name; with `{"abbr": true}` three letters of it."""
    return _names(source, words.WEEKDAYS, options)


def _names(source: Source, names: Sequence[str], options: object) -> Make:
    is_short = isinstance(options, dict) and options.get("abbr")
    chosen = [name[:3] for name in names] if is_short else names
    return lambda: source.choose(chosen)


def _moment(text: object, zone: tzinfo) -> datetime:
    try:
        at = datetime.fromisoformat(_text(text))
    except ValueError:
        raise BadTagError(f"{text!r} is no ISO 8601 date") from None
    return at.replace(tzinfo=zone) if at.tzinfo is None else at.astimezone(zone)


# --- people, places, things -----------------------------------------------------------------------


@tag("name.firstName")
def first_name(source: Source, gender: object = None) -> Make:
    """A first name; the names here are of no gender."""
    return lambda: source.choose(words.FIRST_NAMES)


@tag("address.streetAddress")
def street_address(source: Source, full: object = False) -> Make:
    """A number and a street; with true an apartment too."""
    house = _shaped(source, ("###", "####", "#####"), "#", "")
    street = of_tag(source, "address.streetName")
    flat = of_tag(source, "address.secondaryAddress")
    if full is True or full == "true":
        return lambda: f"{house()} {street()} {flat()}"
    return lambda: f"{house()} {street()}"


@tag("address.zipCode")
def zip_code(source: Source, shape: object = None) -> Make:
    """A postcode, of a shape such as "####"."""
    return _shaped(source, POSTCODES if shape is None else [_text(shape)], "#", "?")


@tag("address.latitude")
def latitude(source: Source) -> Make:
    """Degrees, four digits after the point."""
    return lambda: f"{source.below(1_800_001) / 10_000 - 90:.4f}"


@tag("address.longitude")
def longitude(source: Source) -> Make:
    """Degrees, four digits after the point."""
    return lambda: f"{source.below(3_600_001) / 10_000 - 180:.4f}"


@tag("address.direction", "address.cardinalDirection")
def direction(source: Source, abbreviated: object = False) -> Make:
    """North, East, South or West; with true a letter."""
    names = ("North", "East", "South", "West")
    chosen = [name[0] for name in names] if abbreviated is True else names
    return lambda: source.choose(chosen)


@tag("commerce.price", "finance.amount")
def price(
    source: Source,
    least: object = None,
    most: object = None,
    digits: object = None,
    symbol: object = "",
) -> Make:
    """Whole units from min (0) to max (1000), with so many noughts (2) and a symbol before them."""
    if isinstance(least, dict):
        options = least
        least, most = options.get("min"), options.get("max")
        digits, symbol = options.get("dec"), options.get("symbol", "")
    low, high = _number(least or 0), _number(most or 1_000)
    if low > high:
        raise BadTagError(f"min {low:g} is more than max {high:g}")
    count, places, sign = int(high - low) + 1, _count(digits or 2), _text(symbol)
    return lambda: f"{sign}{low + source.below(count):.{places}f}"


@tag("finance.account")
def account(source: Source, length: object = 8) -> Make:
    """Digits."""
    return _shaped(source, ["#" * _count(length)], "#", "")


@tag("finance.mask")
def mask(source: Source, length: object = 4) -> Make:
    """The last digits of an account."""
    return _shaped(source, ["#" * _count(length)], "#", "")


@tag("finance.bitcoinAddress")
def bitcoin_address(source: Source) -> Make:
    """27 to 34 letters and digits, 1 or 3 first. Nobody's."""
    alphabet = string.ascii_uppercase + string.digits
    return lambda: (
        source.choose("13") + "".join(source.chance.choices(alphabet, k=26 + source.below(8)))
    )


@tag("finance.creditCardNumber")
def credit_card_number(source: Source) -> Make:
    """Four times four digits whose check digit (Luhn) is wrong on purpose: no card has it."""

    def make() -> str:
        digits = [4, *(source.below(10) for _ in range(14))]
        doubled = [sum(divmod(2 * d, 10)) if i % 2 == 0 else d for i, d in enumerate(digits)]
        digits.append((1 - sum(doubled)) % 10)
        text = "".join(map(str, digits))
        return "-".join(text[i : i + 4] for i in range(0, 16, 4))

    return make


@tag("phone.phoneNumber")
def phone_number(source: Source, shape: object = None) -> Make:
    """A telephone number, of a shape such as "###-####"; a number is one of eight shapes."""
    if isinstance(shape, int) and not isinstance(shape, bool):
        return _shaped(source, [PHONES[shape % len(PHONES)]], "#", "")
    return _shaped(source, PHONES if shape is None else [_text(shape)], "#", "")


@tag("internet.domainWord")
def domain_word(source: Source) -> Make:
    """A word that a domain may have."""
    return lambda: source.choose(words.FIRST_NAMES).lower()


@tag("internet.userName")
def user_name(source: Source, first: object = None, last: object = None) -> Make:
    """A name with a point, an underscore or a number."""

    def make() -> str:
        given = _text(first) if first else source.choose(words.FIRST_NAMES)
        family = _text(last) if last else source.choose(words.LAST_NAMES)
        kind, joint, tail = source.below(3), source.choose("._"), source.below(100)
        return (f"{given}{tail}", f"{given}{joint}{family}", f"{given}{joint}{family}{tail}")[kind]

    return make


@tag("internet.email")
def email(source: Source, first: object = None, last: object = None, host: object = None) -> Make:
    """A mail address."""
    user = user_name(source, first, last)
    hosts = words.FREE_MAIL if host is None else (_text(host),)
    return lambda: f"{user()}@{source.choose(hosts)}"


@tag("internet.exampleEmail")
def example_email(source: Source, first: object = None, last: object = None) -> Make:
    """A mail address that reaches nobody."""
    user = user_name(source, first, last)
    return lambda: f"{user()}@{source.choose(words.EXAMPLE_MAIL)}"


@tag("internet.ipv6")
def ipv6(source: Source) -> Make:
    """An address of IP version 6."""
    return lambda: ":".join(f"{source.below(65_536):04x}" for _ in range(8))


@tag("internet.mac")
def mac(source: Source) -> Make:
    """A network card's address."""
    return lambda: ":".join(f"{source.below(256):02x}" for _ in range(6))


@tag("internet.port")
def port(source: Source) -> Make:
    """0 to 65535."""
    return lambda: source.below(65_536)


@tag("internet.color")
def color(source: Source, red: object = 0, green: object = 0, blue: object = 0) -> Make:
    """A colour such as #7f01a0, half of it the one that is given, 0 to 255 each."""
    base = [min(255, _count(part or 0)) for part in (red, green, blue)]
    return lambda: "#" + "".join(f"{(source.below(256) + part) // 2:02x}" for part in base)


@tag("internet.password")
def password(source: Source, length: object = 15) -> Make:
    """Letters, digits and underscores."""
    return _characters(source, string.ascii_letters + string.digits + "_", length)


@tag("image.imageUrl", "image.image", *(f"image.{subject}" for subject in words.IMAGE_SUBJECTS))
def image_url(source: Source, width: object = 640, height: object = 480) -> Make:
    """The address of a picture that is not there."""
    size = f"{_count(width)}/{_count(height)}"
    return lambda: f"https://example.com/{size}/{source.choose(words.IMAGE_SUBJECTS)}"


@tag("system.fileName", "system.commonFileName")
def file_name(source: Source, extension: object = None) -> Make:
    """Words and an extension."""
    extensions = tuple(words.FILE_TYPES.values()) if extension is None else (_text(extension),)

    def make() -> str:
        parts = [source.choose(words.PHRASE_NOUNS) for _ in range(1 + source.below(3))]
        return f"{'_'.join(parts)}.{source.choose(extensions)}"

    return make


# --- text -----------------------------------------------------------------------------------------


@tag("random.words")
def random_words(source: Source, count: object = None) -> Make:
    """So many words, or one to three."""
    word = of_tag(source, "random.word")
    many = None if count is None else _count(count)
    return lambda: " ".join(
        str(word()) for _ in range(1 + source.below(3) if many is None else many)
    )


def _lorem(source: Source, count: int) -> str:
    return " ".join(source.chance.choices(words.LOREM, k=count))


def _sentence(source: Source, count: int | None) -> str:
    text = _lorem(source, 3 + source.below(8) if count is None else count)
    return f"{text[:1].upper()}{text[1:]}."


def _sentences(source: Source, count: int, between: str = " ") -> str:
    return between.join(_sentence(source, None) for _ in range(count))


@tag("lorem.words")
def lorem_words(source: Source, count: object = 3) -> Make:
    """So many words."""
    many = _count(count)
    return lambda: _lorem(source, many)


@tag("lorem.slug")
def lorem_slug(source: Source, count: object = 3) -> Make:
    """So many words with hyphens between."""
    many = _count(count)
    return lambda: _lorem(source, many).replace(" ", "-")


@tag("lorem.sentence")
def lorem_sentence(source: Source, count: object = None) -> Make:
    """A sentence of so many words, or of three to ten."""
    many = None if count is None else _count(count)
    return lambda: _sentence(source, many)


@tag("lorem.sentences", "lorem.lines")
def lorem_sentences(source: Source, count: object = None) -> Make:
    """So many sentences, or two to six. A row is a line, so lines are sentences."""
    many = None if count is None else _count(count)
    return lambda: _sentences(source, 2 + source.below(5) if many is None else many)


@tag("lorem.paragraph", "lorem.text")
def lorem_paragraph(source: Source, count: object = 3) -> Make:
    """So many sentences and up to three more."""
    many = _count(count)
    return lambda: _sentences(source, many + source.below(4))


@tag("lorem.paragraphs")
def lorem_paragraphs(source: Source, count: object = 3) -> Make:
    """So many paragraphs, in one line."""
    paragraph, many = lorem_paragraph(source), _count(count)
    return lambda: " ".join(str(paragraph()) for _ in range(many))


# --- which one a tag is ---------------------------------------------------------------------------


def known() -> list[str]:
    """Every tag, in the order of the alphabet."""
    return sorted({*TAGS, *WORDS, *PATTERNS, *SAME})


def of_tag(source: Source, name: str, arguments: Sequence[Any] = ()) -> Make:
    """What makes a tag's values.

    Args:
        source: what they are made of.
        name: for example `random.number`.
        arguments: as JSON has them.

    Raises:
        BadTagError: there is no such tag, or it does not take these arguments.
    """
    name = SAME.get(name, name)
    if name in WORDS:
        items, draw = WORDS[name], source.chance.random
        count = len(items)
        return lambda: items[int(draw() * count)]
    if name in PATTERNS:
        from workbench.generate_template import Template

        patterns = [Template(pattern, source).row for pattern in PATTERNS[name]]
        return patterns[0] if len(patterns) == 1 else lambda: source.choose(patterns)()
    if name not in TAGS:
        raise BadTagError("there is no such tag")
    try:
        return TAGS[name](source, *arguments)
    except TypeError as fault:
        raise BadTagError(f"it does not take {len(arguments)} arguments") from fault


# --- arguments ------------------------------------------------------------------------------------


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadTagError(f"{value!r} is no number")
    return value


def _count(value: object) -> int:
    count = _number(value)
    if not 0 <= count <= MAX_LENGTH or count != int(count):
        raise BadTagError(f"{value!r} is no whole number from 0 to {MAX_LENGTH}")
    return int(count)


def _array(value: object, what: str) -> Sequence[object]:
    if not isinstance(value, list | tuple) or not value:
        raise BadTagError(f"it takes {what}")
    return value


def _text(value: object) -> str:
    if isinstance(value, dict | list):
        raise BadTagError(f"{value!r} is no text")
    return str(as_script(value))

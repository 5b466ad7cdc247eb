r"""What a stack says: its frames, without what differs from one crash of a kind to the next.

Read are stacks as engines and languages write them:

    * Unity and C#: `at Race.Car.Brake (System.Int32 x) [0x00012] in <4f2c>:0`,
      `at Race.Car.Brake(Int32 x) in C:\race\Car.cs:line 12`,
      `Race.Car:Brake () (at Assets/Car.cs:12)`;
    * Python: `File "/srv/car.py", line 12, in brake`, the innermost last;
    * JavaScript: `at Car.brake (https://race.example/main.js:1:2)` of V8, `brake@main.js:1:2` of
      Firefox and Safari;
    * Java and Kotlin: `at com.race.Car.brake(Car.java:12)`, of which the last `Caused by` counts;
    * native: `#00 pc 0000a1 /lib/libgame.so (Car::brake(int)+12)` of Android, `#1 0x7f in brake ()
      at car.c:12` of debuggers, `0 Race 0x10a Car::brake() + 12` of Apple,
      `Race.exe!Car::Brake() [car.cpp:12]` of Windows.

A stack is cut at `MAX_CHARACTERS` and `MAX_LINES`, a line at `MAX_LINE`, and no pattern looks back
over more than its line, so that reading takes a bounded time whatever the text is.

Sources:
    https://learn.microsoft.com/en-us/dotnet/api/system.environment.stacktrace
    https://docs.unity3d.com/ScriptReference/Application.LogCallback.html
    https://docs.python.org/3/library/traceback.html
    https://v8.dev/docs/stack-trace-api
    https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Error/stack
    https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/lang/Throwable.html#printStackTrace()
    https://source.android.com/docs/core/tests/debug/native-crash
"""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

MAX_CHARACTERS = 16_384
"""Of a stack; of a longer one the first and the last half are read."""
MAX_LINE = 400
"""Characters of a line that are read."""
MAX_LINES = 400
"""Of a stack that are read, likewise the first and the last half."""
MAX_NAME = 160
"""Characters of a function's or a file's name that are kept."""

_FIELDS_OF_FUNCTION = ("function", "method")
_FIELDS_OF_MODULE = ("module", "class")
_FIELDS_OF_FILE = ("file", "filename")


class Frame(NamedTuple):
    """Where a stack was."""

    function: str
    """With its module or class where the stack says so."""
    file: str
    """Without directories."""
    is_app: bool
    """Whether it is the game's, and not its engine's, its language's or a library's."""

    @property
    def place(self) -> str:
        """What it is told apart by: names of functions that name no module need their file."""
        is_whole = any(sign in self.function for sign in ".:!") and "<anon" not in self.function
        if is_whole or not self.file:
            return self.function
        return f"{self.file}:{self.function}"


class Stack(NamedTuple):
    """A stack as read."""

    frames: tuple[Frame, ...]
    """The innermost first."""
    rest: tuple[str, ...]
    """Lines that are no frames, such as what was raised; of Python the last line first."""


_PYTHON = re.compile(r'File "([^"]*)", line \d+(?:, in (.*))?')
_ANDROID = re.compile(r"#\d+\s+pc\s+[0-9a-fA-Fx]+\s+(\S+)(.*)")
_DEBUGGER = re.compile(r"#\d+\s+(?:0x[0-9a-fA-F]+\s+in\s+)?(\S.*)")
_APPLE = re.compile(r"\d+\s+(\S+)\s+0x[0-9a-fA-F]+\s+(\S.*)")
_WINDOWS = re.compile(r"(?:0x[0-9a-fA-F]+\s+)?([^\s!]+)!(\S.*)")
_GECKO = re.compile(r"([^@]*)@(.*:\d+|\[native code\])")
_UNITY = re.compile(r" ?([^()]*)\)(?: \(at ([^()]*)\))?")
"""What follows a name and a parenthesis."""
_WRAPPER = re.compile(r"\(wrapper [a-z-]*\) ?")
_HASH = re.compile(r"<[0-9a-fA-F]*>")

_OF_JVM = (".java:", ".kt:", "Native Method", "Unknown Source")
_IN_LINE = re.compile(r"(?::line)?[ :]\d+(?::\d+)?$")
_AS_NUMBERED = re.compile(r"(__|\$|\|)\d+(?:_\d+)*|(DisplayClass)\d+(?:_\d+)*")
"""What compilers number: lambdas, closures, coroutines."""
_AT_RANDOM = re.compile(
    r"0x[0-9a-fA-F]+"
    r"|\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
    r"|\b(?=[a-fA-F]{0,40}\d)[0-9a-fA-F]{8,}\b"
)
"""Addresses, GUIDs, hashes."""
_OFFSET = re.compile(r"\s?\+\s?(?:0x[0-9a-fA-F]+|\d+)$")

_OTHERS = (
    *("System.", "Microsoft.", "Mono.", "UnityEngine", "UnityEditor", "Unity.", "(wrapper "),
    *("java.", "javax.", "jdk.", "sun.", "kotlin.", "kotlinx.", "dalvik.", "libcore."),
    *("android.", "androidx.", "com.android.", "process.processTicks", "Module._", "node:"),
)
"""How functions begin that are not a game's."""
_OTHER_FILES = (
    *("libc.so", "libc++", "libart.so", "libdl.so", "libpthread", "libm.so", "ld-linux"),
    *("libunity.so", "libmono", "libsystem_", "UnityPlayer", "UnityFramework", "mono-2.0"),
    *("ntdll", "KERNEL32", "KERNELBASE", "ucrtbase", "UIKitCore", "CoreFoundation", "dyld"),
)
_OTHER_PATHS = re.compile(
    r"site-packages/|dist-packages/|node_modules/|node:|<frozen |^/system/|^/apex/"
    r"|/lib/python3|[Pp]ython3\d*/[Ll]ib/"
)


def read(stack: object) -> Stack:
    """The frames of a stack, the innermost first.

    Args:
        stack: text; or a list of frames, the innermost first, each of them text or an object with
            `function` (or `method`), `module` (or `class`) and `file` (or `filename`). Of anything
            else there are none.
    """
    if isinstance(stack, str):
        return _of_text(bounded(stack, MAX_CHARACTERS))
    if isinstance(stack, list):
        return Stack(tuple(_of_objects(stack)), ())
    return Stack((), ())


def bounded(text: str, most: int) -> str:
    """The beginning and the end of a text that is too long.

    >>> bounded("abcdefghij", 4).split()
    ['ab', '...', 'ij']
    """
    return text if len(text) <= most else f"{text[: most // 2]}\n...\n{text[-(most // 2) :]}"


def without_chance(name: str) -> str:
    """A name without addresses, GUIDs, hashes and the numbers that compilers give.

    >>> without_chance("Race.Car.<Brake>b__12_0"), without_chance("main.3f9a1c2b.js")
    ('Race.Car.<Brake>b__', 'main..js')
    """
    plain = _AT_RANDOM.sub("", name[:MAX_LINE])
    return _AS_NUMBERED.sub(lambda found: found[1] or found[2], plain)[:MAX_NAME].strip()


def _of_text(text: str) -> Stack:
    lines = [line[:MAX_LINE].strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    if len(lines) > MAX_LINES:
        lines = lines[: MAX_LINES // 2] + lines[-(MAX_LINES // 2) :]
    found = [(line, _python(line)) for line in _last_of(lines, "Traceback (most recent")]
    if any(frame is not None for _, frame in found):
        # Lines of the source are among them: whatever they look like, they are no frames.
        frames = [frame for _, frame in found if frame is not None]
        rest = [line for line, frame in found if frame is None]
        return Stack(tuple(reversed(frames)), tuple(reversed(rest)))
    lines = _last_of(lines, "Caused by: ")
    best: list[Frame | None] = []
    most = 0
    for one in _FORMS:
        read = [one(line) for line in lines]
        count = sum(frame is not None for frame in read)
        if count > most:
            best, most = read, count
    if not most:
        return Stack((), tuple(lines))
    rest = [line for line, frame in zip(lines, best, strict=True) if frame is None]
    return Stack(tuple(frame for frame in best if frame is not None), tuple(rest))


def _last_of(lines: list[str], begins: str) -> list[str]:
    """What follows the last line that begins so, with it: of errors that led to others the one that
    the stack is of.
    """
    for place in range(len(lines) - 1, 0, -1):
        if lines[place].startswith(begins):
            return lines[place:]
    return lines


def _of_objects(stack: Iterable[Any]) -> Iterable[Frame]:
    for one in islice(stack, MAX_LINES):
        frame = None
        if isinstance(one, str):
            frame = _of_line(one[:MAX_LINE].strip())
        elif isinstance(one, dict):
            function, module, file = (
                _text(one, names)
                for names in (_FIELDS_OF_FUNCTION, _FIELDS_OF_MODULE, _FIELDS_OF_FILE)
            )
            if function or file:
                frame = _frame(f"{module}.{function}" if module else function, file)
        if frame is not None:
            yield frame


def _text(one: Mapping[str, Any], names: Iterable[str]) -> str:
    found = (one.get(name) for name in names)
    return next((text[:MAX_LINE] for text in found if isinstance(text, str) and text), "")


def _of_line(line: str) -> Frame | None:
    read = (form(line) for form in (_python, *_FORMS))
    return next((frame for frame in read if frame is not None), None)


def _frame(function: str, path: str, module: str = "") -> Frame:
    """
    Args:
        function: with arguments perhaps.
        path: of its file, with a line perhaps.
        module: a library or program, where that is known instead of a file.
    """
    path = _IN_LINE.sub("", path.strip().partition("?")[0]).replace("\\", "/")
    base = (module or path).replace("\\", "/").rstrip("/").rpartition("/")[2]
    name = function.strip()
    is_app = not (
        name.startswith(_OTHERS)
        or base.startswith(_OTHER_FILES)
        or _OTHER_PATHS.search(module or path)
    )
    file = "" if _HASH.fullmatch(base) else without_chance(base)
    return Frame(without_chance(name), file, is_app)


def _python(line: str) -> Frame | None:
    found = _PYTHON.match(line)
    return None if found is None else _frame(found[2] or "", found[1])


def _numbered(line: str) -> Frame | None:
    if not line.startswith("#"):
        return None
    found = _ANDROID.match(line)
    if found is not None:
        library = found[1].rpartition("!")[2]
        said = [one.strip("() ") for one in found[2].split(" (")]
        said = [one for one in said if one and not one.startswith(("BuildId", "offset "))]
        return _frame(_symbol(said[0]) if said else "", "", library)
    found = _DEBUGGER.match(line)
    if found is None:
        return None
    function, _, where = found[1].partition(" (")
    return _frame(_symbol(function), where.rpartition(") at ")[2] if ") at " in where else "")


def _at(line: str) -> Frame | None:
    if not line.startswith("at "):
        return None
    said = line[3:].removeprefix("async ").removeprefix("new ")
    function, opened, rest = said.partition("(")
    if not opened:  # V8, of no function; or C# without arguments
        return _frame("", said) if _IN_LINE.search(said) else _frame(said.partition(" [")[0], "")
    inside, _, after = rest.partition(")")
    function = function.partition(" [")[0]
    if any(sign in inside for sign in _OF_JVM):
        return _frame(function.rpartition("/")[2], inside)
    _, is_in, path = after.rpartition(" in ")
    if is_in:
        return _frame(function, path)
    return _frame(function, inside if _IN_LINE.search(inside) else "")


def _apple(line: str) -> Frame | None:
    found = _APPLE.match(line)
    return None if found is None else _frame(_symbol(found[2]), "", found[1])


def _windows(line: str) -> Frame | None:
    found = _WINDOWS.match(line)
    if found is None or not line.isprintable():
        return None
    return _frame(f"{found[1]}!{_symbol(found[2].partition(' [')[0])}", "", found[1])


def _gecko(line: str) -> Frame | None:
    found = _GECKO.fullmatch(line)
    if found is None:
        return None
    return _frame(found[1].rpartition("*")[2].rstrip("/<"), found[2])


def _unity(line: str) -> Frame | None:
    plain = _WRAPPER.sub("", line, count=1)
    name, opened, rest = plain.partition("(")
    name = name.removesuffix(" ")
    if not opened or " " in name or not ("." in name or ":" in name):
        return None
    found = _UNITY.fullmatch(rest)
    if found is None:
        return None
    return _frame(f"(wrapper {name}" if plain != line else name, found[2] or "")


_FORMS: tuple[Callable[[str], Frame | None], ...] = (
    *(_numbered, _at, _apple, _windows, _gecko, _unity),
)
"""Those of which a stack's lines are read by the one that knows most of them."""


def _symbol(text: str) -> str:
    """A function of C or C++ without its arguments and without where in it."""
    name = _OFFSET.sub("", text)
    return name.partition("(")[0] or name

#!/usr/bin/env python3
"""Holds what docs/ops says functions refuse against what rows of test/ops expect them to say: refusals.py ROOT.

Each `error: …` and `run error: …` of a row is a form of message that the function's page, or the index for all
functions, has; and each form of a page is expected by a row. Forms and rows have other values, so numbers, dtypes, shapes
and quoted words count as equal.
"""
import re
import sys
from pathlib import Path

DTYPE = re.compile(r"\b(float|bfloat|int|uint)(8|16|32|64)\b|(?<=dtype )bool\b")
NUMBER = re.compile(r"-?\b(\d[\d.]*(e[+-]?\d+)?|nan|inf)\b|\b[A-Z]\b")
# What the index says of all functions: arguments that are missing or of another kind, and unknown ones; and of sizes
# that the data decide.
KIND = r"(an?|the) (tensor|number|list|integer|bool|string|name)\b[^[]*$"
GENERAL = re.compile(rf"(missing|(an?|the) (list|tensor|number|integer|bool|string)\b.*), expected {KIND}|no parameter of that name|"
                     r"size <number> at dimension <number>, expected <number>( or <number> to broadcast)?$|"
                     r"the data ask for a size of <number>, for which no memory is large enough|no memory for its sizes")


def form(message):
    """The message without its values."""
    message = re.sub(r"'[^']*'", "<word>", message)
    message = re.sub(r"<word>( or <word>)+", "<word>", message)
    while (shorter := re.sub(r"\[[^\[\]]*\]", "<shape>", message)) != message:
        message = shorter
    return NUMBER.sub("<number>", DTYPE.sub("<dtype>", message))


def documented(folder):
    """Function -> list of (arguments, message)."""
    forms = {}
    for page in sorted(folder.glob("*.md")):
        for section in page.read_text().split("\n## ")[1:]:
            name, _, rest = section.partition("\n")
            lines = rest.partition("Refuses, for example\n")[2].partition("\n\n")[0].splitlines()
            forms[name] = [(re.findall(r"`(\w+)`", head), message)
                           for head, message in (re.match(r"- (.*?): `(.*)`$", line).groups() for line in lines)]
    return forms


def expectations(folder):
    """(place, function, argument or "", message) of each row that expects an error."""
    for path in sorted(folder.glob("*.rows")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            row = re.match(r"\s*(\w+) .*? error: (?:node 'n' \(\w+\), )?(?:argument(?: '(\w+)')?)?(?:: )?(.*)$", line)
            if row:
                function, argument, message = row.groups()
                yield f"{path.name}:{number}", function, argument or "", message


def main():
    root = Path(sys.argv[1])
    pages, problems = documented(root / "docs" / "ops"), []
    expected = {name: [] for name in pages}
    for place, function, argument, message in expectations(root / "test" / "ops"):
        name, wanted = function if function in pages else function.removesuffix("_"), form(message)
        expected.get(name, []).append((argument, wanted))
        if not GENERAL.match(wanted) and not any((not argument or argument in arguments) and wanted in form(text)
                                                 for arguments, text in pages.get(name, [])):
            problems.append(f"{place}: the page of {name} does not say that it refuses '{argument}': {message}")
    for name, messages in pages.items():
        for arguments, text in messages:
            if not any(argument in arguments and wanted and wanted in form(text) for argument, wanted in expected[name]):
                problems.append(f"no row expects of {name}: argument '{arguments[0]}': {text}")
    if not any(expected.values()):
        problems.append("no row expects an error")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

"""Finds where the sources report errors, and whether each says its number.

A number is a part of the text, at its end: `"rank 3, expected 4 [NNFC-E0207]"`. So it is found where it is raised, by
whoever reads the error, and needs no table that every file includes. docs/errors.md has what it means.

A site is the expression around a call of one of REPORTERS that has text of its own: a literal with a space in it. What
only hands on another error, perhaps behind `"--tuning: "`, has that one's number.
"""
import re

# What reports, or keeps a message for later. `.fail` and `.error` are methods of several classes.
REPORTERS = re.compile(
    r"\b(emitError|emitOpError|emitOptionalError|createStringError|argumentError|nodeError|dtypeError|fault|wrongUsage|"
    r"fail|error|failWhen|failCheck|launchFailed|errorOf|broken|tensorError|inputError|cannotWrite|wrong|"
    r"requireSize|requireEqual|requireQuotient|require|check|message|nodeMessage|argumentMessage)\(")
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\((.*?)\)\1"|"((?:[^"\\\n]|\\.)*)"|\'(?:[^\'\\\n]|\\.)+\'|[A-Za-z_]\w*|\s+|.',
                   re.DOTALL)
NUMBER = re.compile(r"\[(NNFC-E\d{4})\]")
# The end of a text that goes on in later statements, and one behind which another error's text stands.
GOES_ON = re.compile(r"(, expected |: |dtype |\{\}\' is unknown)$")
HANDS_ON = re.compile(r"(: |^)(%s|(\{\})*)(\{\})*$")
# ... but what the system says has no number.
OF_THE_SYSTEM = re.compile(r"(\b(strerror|dlerror)|[.]message)\(")
REACH = 700  # characters: how far the later statements are


class Token:
    def __init__(self, match):
        self.text, self.start, self.end = match.group(), match.start(), match.end()
        self.literal = match.group(2) if match.group(2) is not None else match.group(3)


def words_of(source):
    """Tokens without spaces and comments."""
    for match in TOKEN.finditer(source):
        if not match.group()[0].isspace() and not match.group().startswith(("//", "/*")):
            yield Token(match)


def expression_end(words, at):
    """Past the last token of the expression that begins at `at`: its `;`, or the bracket, comma or `:` it is before."""
    depth = 0
    for index in range(at, len(words)):
        text = words[index].text
        if depth == 0 and text in (";", ",", "{"):  # a brace opens the body of a definition
            return index
        if depth == 0 and text == ":" and ":" not in (words[index - 1].text, words[index + 1].text):  # of `?`, no `::`
            return index
        depth += (text in ("(", "[", "{")) - (text in (")", "]", "}"))
        if depth < 0:
            return index
    return len(words)


class Site:
    def __init__(self, source, name, words, after):
        self.line, self.name = source.count("\n", 0, words[0].start) + 1, name
        parts = []
        for word in words:
            if word.literal is not None:
                parts.append(word.literal)
            elif not parts or parts[-1] != "{}":
                parts.append("{}")
        self.form = "".join(parts).removeprefix("{}")
        self.has_text = any(" " in (word.literal or "") for word in words)
        self.is_of_system = bool(OF_THE_SYSTEM.search(source[words[0].end:words[-1].end]))
        self.after = after

    def problem(self):
        """What is wrong with it, or None."""
        if NUMBER.search(self.form) or self.form.startswith("internal"):
            return None  # a sink gives "internal" its number
        if HANDS_ON.search(self.form) and not self.is_of_system:
            return None
        if GOES_ON.search(self.form) and NUMBER.search(self.after):
            return None
        return f"an error without a number: '{self.form}', expected [NNFC-E…] of docs/errors.md at its end"


def sites(path, source):
    words = list(words_of(source))
    end = 0
    for index in range(len(words) - 1):
        if index < end or not REPORTERS.match(words[index].text + "(") or words[index + 1].text != "(":
            continue
        before = {word.text for word in words[max(index - 5, 0):index]}
        if path.startswith("runtime/cuda/") and words[index].text == "fail" and "driver" in before:
            continue  # Driver::fail has the number of all of them
        if path.startswith("runtime/") and words[index].text in ("broken", "wrong"):
            continue  # a reason, which the caller puts into its error
        last = expression_end(words, index)
        site = Site(source, words[index].text, words[index:last], source[words[last - 1].end:][:REACH])
        if site.has_text:
            end = last
            yield site


def problems(path, source, known):
    """Sites of a source without a number, and numbers that no page explains."""
    for site in sites(path, source):
        problem = site.problem()
        if problem:
            yield f"{path}:{site.line}: {problem}"
    for number in sorted(set(re.findall(r"NNFC-E\d{4}(?=\])", source)) - known):
        yield f"{path}: {number} is not explained in docs/errors.md"

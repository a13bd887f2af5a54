"""What the public headers declare, and what their comments say of it, by libclang (Debian's python3-clang-22).

A declaration's documentation is the comment that stands right above it or behind it on its line, as people read it; the
order, the words and the layout are the header's own.
"""
import re
from pathlib import Path

from clang.cindex import AccessSpecifier, Config, CursorKind, Index, TranslationUnit

FUNCTIONS = {CursorKind.FUNCTION_DECL, CursorKind.CXX_METHOD, CursorKind.CONSTRUCTOR, CursorKind.FUNCTION_TEMPLATE,
             CursorKind.CONVERSION_FUNCTION}
RECORDS = {CursorKind.STRUCT_DECL, CursorKind.CLASS_DECL, CursorKind.CLASS_TEMPLATE, CursorKind.ENUM_DECL,
           CursorKind.CLASS_TEMPLATE_PARTIAL_SPECIALIZATION}
OTHERS = {CursorKind.TYPEDEF_DECL, CursorKind.TYPE_ALIAS_DECL, CursorKind.TYPE_ALIAS_TEMPLATE_DECL, CursorKind.VAR_DECL,
          CursorKind.FIELD_DECL}
SECTION = re.compile(r"/\* -{3,} (.*?) ?-*\s*\*/$")


class Declaration:
    """A public name: where it stands, how it reads, what is said of it, and what is declared in it."""

    def __init__(self, name, kind, line, text, comment, members=()):
        self.name, self.kind, self.line, self.text, self.comment = name, kind, line, text, comment
        self.members = list(members)


def words(comment):
    """A comment without its marks."""
    lines = []
    for line in comment:
        line = re.sub(r"^\s*(///<?|//|/\*\*?|\*/|\*(?= |$))", "", line)
        lines.append(re.sub(r"\s*\*/\s*$", "", line).rstrip())
    while lines and not lines[0].strip():
        lines.pop(0)
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    indent = min(indents, default=0)
    return "\n".join(line[indent:] for line in lines).rstrip()


def comment_above(lines, number):
    """The comment whose last line is right above line `number` (from 1)."""
    at, found = number - 2, []
    while at >= 0:
        line = lines[at].strip()
        if line.startswith("//"):
            found.insert(0, lines[at])
            at -= 1
        elif line.endswith("*/") and not found:
            begin = at
            while begin >= 0 and "/*" not in lines[begin]:
                begin -= 1
            if begin < 0 or not lines[begin].strip().startswith("/*") or SECTION.match(lines[begin].strip()):
                break
            return words(lines[begin:at + 1])
        else:
            break
    return words(found)


def comment_behind(lines, line, column):
    """The comment that begins behind a declaration on its last line, and goes on below."""
    rest = re.match(r"[;,]?\s*(///<.*|//.*|/\*.*)$", lines[line - 1][column - 1:])
    if not rest:
        return ""
    found = [rest.group(1)]
    while found[0].startswith("/*") and "*/" not in found[-1]:
        found.append(lines[line])
        line += 1
    while found[0].startswith("//") and line < len(lines) and lines[line].strip().startswith("///<"):
        found.append(lines[line])
        line += 1
    return words(found)


def is_special(cursor):
    """Moves, copies and what the compiler writes: nobody looks these up. Nor is a conversion to the type itself said
    again for each type it takes: the record's own comment says what converts."""
    if cursor.kind == CursorKind.CONSTRUCTOR or cursor.spelling.startswith(cursor.semantic_parent.spelling + "("):
        return (cursor.is_copy_constructor() or cursor.is_move_constructor() or cursor.is_default_method() or
                cursor.is_converting_constructor() and sum(
                    child.kind == CursorKind.PARM_DECL for child in cursor.get_children()) == 1)
    if cursor.kind == CursorKind.FUNCTION_TEMPLATE and cursor.spelling.split("<")[0] == cursor.semantic_parent.spelling:
        return sum(child.kind == CursorKind.PARM_DECL for child in cursor.get_children()) == 1
    return cursor.spelling == "operator="


def head(text):
    """A function's text up to its body and its constructor's initialisers."""
    depth = 0
    for at, character in enumerate(text):
        if character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif depth == 0 and text[at:at + 2] == "{ " or depth == 0 and text[at:at + 2] == "{\n" or text[at:at + 2] == "{}":
            if depth == 0:
                return text[:at].rstrip()
        elif depth == 0 and character == ":" and ":" not in (text[at - 1], text[at + 1:at + 2]):
            return text[:at].rstrip()
    return text


class Header:
    """One header: what it says on top, and its declarations in order, with the sections that its comments name."""

    def __init__(self, path, arguments):
        self.path = Path(path)
        self.source = self.path.read_bytes()
        self.lines = self.source.decode().splitlines()
        unit = Index.create().parse(str(path), args=arguments, options=TranslationUnit.PARSE_INCOMPLETE)
        problems = [d for d in unit.diagnostics if d.severity >= 3]
        if problems:
            raise SystemExit("\n".join(str(d) for d in problems))
        self.intro = self._intro()
        self.declarations = list(self._declared(unit.cursor))
        self.sections = {number + 1: found.group(1) for number, line in enumerate(self.lines)
                         if (found := SECTION.match(line.strip()))}

    def _intro(self):
        end = 0
        if self.lines[0].startswith("/*"):
            while "*/" not in self.lines[end]:
                end += 1
            return words(self.lines[:end + 1])
        while self.lines[end].startswith("//"):
            end += 1
        return words(self.lines[:end])

    def _declared(self, parent):
        for cursor in parent.get_children():
            if cursor.location.file is None or Path(cursor.location.file.name) != self.path:
                continue
            if cursor.access_specifier in (AccessSpecifier.PRIVATE, AccessSpecifier.PROTECTED):
                continue
            if cursor.kind in (CursorKind.NAMESPACE, CursorKind.LINKAGE_SPEC, CursorKind.UNEXPOSED_DECL):
                yield from self._declared(cursor)
            elif cursor.kind in FUNCTIONS:
                if not is_special(cursor):
                    yield self._declaration(cursor, "function")
            elif cursor.kind in RECORDS:
                if cursor.is_definition():
                    yield self._declaration(cursor, "record", self._declared(cursor))
            elif cursor.kind in OTHERS:
                found = self._declaration(cursor, "field" if cursor.kind == CursorKind.FIELD_DECL else "type")
                # `typedef struct nnf_x {...} nnf_x;` is the struct.
                if "{" not in found.text:
                    yield found

    def _declaration(self, cursor, kind, members=()):
        begin, end = cursor.extent.start, cursor.extent.end
        text = self.source[begin.offset:end.offset].decode()
        if kind == "function":
            text = head(text)
        line = begin.line
        # A record's extent begins at `struct`, of which `typedef` may stand in front.
        comment = comment_above(self.lines, line) or comment_behind(self.lines, end.line, end.column)
        alias = f"typedef struct {cursor.spelling} {cursor.spelling};"
        if not comment and kind == "record" and self.lines[line - 2] == alias:
            comment = comment_above(self.lines, line - 1)  # the name comes first, for what the struct says of itself
        indent = len(self.lines[line - 1]) - len(self.lines[line - 1].lstrip())
        text = "\n".join(part[indent:] if part[:indent].isspace() else part for part in text.splitlines())
        text = text.replace("NNF_API ", "")
        name = cursor.spelling if not cursor.is_anonymous() else ""
        return Declaration(name, kind, line, text, comment, members)

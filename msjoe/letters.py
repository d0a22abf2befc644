"""Reading turn 2's reply: which option's letter a careful reader would take it for.

Rules go from the most to the least explicit, and the first that reads anything decides:
a marked answer, a bare letter, an option's own text, a sentence that concludes or calls a letter right,
a letter the reply begins with, the one letter that is left standing, the one option whose words occur.
"""

import re
import unicodedata
from collections.abc import Sequence

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CYRILLIC = "\u0410\u0412\u0421\u0415\u041d\u041a\u041c\u041e\u0420\u0422\u0425"
_LOOKALIKES = str.maketrans(_CYRILLIC, "ABCEHKMOPTX")  # capitals that look the same
_MARKS = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})
_MARKS |= str.maketrans({"\u2013": "-", "\u2014": "-", "\u2192": "->"})
_THOUGHT = re.compile(r"<(think|thinking|analysis|reasoning)>.*?(</\1>|$)", re.I | re.S)
_THOUGHT_END = re.compile(r"^.*</(think|thinking|analysis|reasoning)>", re.I | re.S)
_ROLE = re.compile(r"<\|im_start\|>\s*assistant|<\|[^|>]*\|>", re.I)
_MARKED = (
    re.compile(r"<\s*(?:answer|choice|option)\s*>(.*?)(?:<\s*/|$)", re.I | re.S),
    re.compile(r"\\boxed\s*\{(?:\\text\s*\{)?([^{}]*)\}", re.S),
    re.compile(r"[\"'](?:final_)?(?:answer|choice|option)[\"']\s*:\s*[\"']([^\"']*)[\"']", re.I),
)
_WRONG = (
    r"(?:also |clearly )?(?:wrong|incorrect|false|not|excluded|ruled out|eliminated|a distractor|impossible|unlikely)\b"
)
# A letter by itself: a capital that no word goes on from and that is not called wrong, or a small
# one that ends its line.
_LETTER = (
    r"[\s\"'`*_(\[{$]*(?:(?-i:(?P<x>[A-Z]))(?![\w'&+#]|-\w|\W+(?:is|are) "
    + _WRONG
    + r")|(?P<x_>[a-z])(?=[)\].,;:*\"'`\s]*$))"
)
_NOUN = r"(?:answer|option|choice|letter)"
_IS = r"(?:is|are|was|should be|would be|must be|will be|has to be|to be|might be|could be)"
_CONCLUSIONS = tuple(
    re.compile(pattern + _LETTER, re.I | re.M)
    for pattern in (
        r"\bnot\s+(?:option\s+)?\(?[A-Z]\)?\s*,?\s*but\s+(?:rather\s+)?(?:option\s+)?",
        r"\b(?:answer|best guess|final choice|(?:correct|right|best|the|my) (?:option|choice|letter|one))\b\**\s*"
        rf"{_IS}?\s*(?:likely|probably|most likely|clearly|therefore|thus|{_NOUN})*\s*[:=\->]*\s*{_NOUN}?",
        r"\b(?:i|we)(?:'d|'ll| would| will| must| have to| can| should)?\s*"
        r"(?:choose|pick|select|go with|say|opt for|vote for|guess|conclude|(?:think|believe)(?: it(?: is|'s))?)\s*"
        rf"(?:that\s+)?(?:it is\s+)?(?:the\s+)?{_NOUN}?\s*(?:is)?\s*[:\-]?",
        r"\b(?:therefore|hence|thus|so|consequently|finally|in conclusion|overall)\b,?\s*"
        rf"(?:it(?: is|'s)|i'd say|i say)?\s*(?:the\s+)?{_NOUN}?\s*{_IS}?\s*[:\-]?",
        r"\b(?:it is|it's|it must be|it should be|that is|that's|closest to|corresponds to|matches|points to)\s*"
        rf"{_NOUN}?\s*",
    )
)
_RIGHT = re.compile(
    r"\(?\b([A-Z])\b\)?\s+(?:is|must be|should be|would be|seems|looks)\s+"
    r"(?:(?:the|only|clearly|probably|likely|most|more)\s+)*"
    r"(?:correct|right|answer|best|better|true|accurate|appropriate)\b"
)
_START = re.compile(r"^[\s\"'`*_(\[{$#>\-]*([A-Za-z])(?!\.[A-Z]\b)(?:\s*[)\]}.:,;\"'`*_]|\s*[\n(\-]|\s*$)")
_STANDING = re.compile(
    r"(?<![\w'.&+#-])(?:([B-HJ-Z])|(I)(?!\s+[a-z])|(?<=\w )(A)"
    r"|(A)(?!\s+(?!(?:and|or|but|because|since|is|was)\b)[a-z]))(?![\w'&+#]|-\w|\.[A-Z]\b)"
)  # A at the beginning of a sentence is an article, before most words; I is mostly a pronoun
_DENIED = re.compile(
    r"(?:\b(?i:not|nor|neither|excluding|except|rule out|ruled out|eliminate|instead of|rather than)|n't)\s+"
    r"(?:(?:be|choose|pick|select|think|believe|say)\s+)?(?:that\s+)?"
    r"(?:(?:options?|choices?|answer)\s+)?\(?([A-Z])\b\)?"
    r"|\(?\b([A-Z])\b\)?\s*(?:and\s+\(?[A-Z]\)?\s*)?(?:is|are|was|can be|seems?|looks?)\s+" + _WRONG
)
_SEVERAL = re.compile(
    r"[\s\"'*(\[]*[A-Z][)\]]?\s*(?:[,/&;(]|\band\b|\bor\b)?\s*(?:and\b|or\b)?\s*\(?(?![AI]\s+[a-z])"
    r"[A-Z][)\]]?(?=$|[\s,./&;)(])"
)  # "A, B", "(A)(C)", "A or B", "B (or C)" at the start
_LISTED = re.compile(r"(?:^|[\s(*\[])([A-Z])[).:\]]")
_TAKEN_BACK = re.compile(
    r"(?:\b(?:not|nor|never|neither|cannot)|n't)\s+(?:(?:think|believe|say)\s+)?(?:that\s+)?(?:the\s+)?$", re.I
)
_NAMED = re.compile(rf"\W*(?:the\s+)?{_NOUN}\W+([A-Za-z])\W*", re.I)


def extract_letter(reply: str, options: Sequence[str]) -> str | None:
    """The letter "A", "B", ... of the option the reply chooses; None when it cannot be told."""
    letters = LETTERS[: len(options)]
    text = _plain(reply)
    for pattern in _MARKED:
        if found := pattern.findall(text):
            return _short(found[-1], letters, options) or _long(found[-1], letters, options)
    return _short(text, letters, options) or _long(text, letters, options)


def _plain(reply: str) -> str:
    """Without thoughts, chat marks, zero-width characters; full-width letters made plain."""
    text = unicodedata.normalize("NFKC", reply).translate(_MARKS)
    text = re.sub(r"[\u200b-\u200f\ufeff\u2060]", "", text)
    text = _THOUGHT_END.sub("", _THOUGHT.sub("", text))
    text = re.sub(rf"(?<!\w)[{_CYRILLIC}](?!\w)", lambda found: found[0].translate(_LOOKALIKES), text)
    return re.sub(r"([A-Z])(?=[^\x00-\u024f])|(?<=[^\x00-\u024f])([A-Z])", r" \1\2 ", _ROLE.sub("", text)).strip()


def _short(text: str, letters: str, options: Sequence[str]) -> str | None:
    """A reply that is a letter, or an option's text, and nothing else."""
    named = _NAMED.fullmatch(text)
    words = {named[1]} if named else set(re.findall(r"[^\W_]+", text))
    if len(words) == 1 and (letter := words.pop().upper()) in tuple(letters):
        return letter
    return _same_text(text, letters, options)


def _same_text(text: str, letters: str, options: Sequence[str]) -> str | None:
    wanted = _words(text)
    same = [letter for letter, option in zip(letters, options, strict=False) if wanted and _words(option) == wanted]
    return same[0] if len(same) == 1 else None


def _words(text: str) -> str:
    """For comparing: small letters, spaces and outer punctuation tidied."""
    return " ".join(text.translate(_MARKS).casefold().split()).strip(" .,;:!?\"'`*_()[]{}")


def _long(text: str, letters: str, options: Sequence[str]) -> str | None:
    first, *others = text.splitlines() or [""]
    if (read := _short(first, letters, ())) and not any(_short(line, letters, ()) for line in others):
        return read
    for pattern in _CONCLUSIONS:
        if read := _concluded(pattern, text):
            return read if read in letters else None
    right = {found[1] for found in _RIGHT.finditer(text) if not _TAKEN_BACK.search(text[: found.start()])}
    if len(right) == 1 and right <= set(letters):
        return right.pop()
    if _SEVERAL.match(text):
        return None
    if read := _begins(text, letters, options):
        return read
    if (read := _standing(text, letters)) is not None:
        return read or None
    return _mentioned(text, letters, options)


def _concluded(pattern: re.Pattern, text: str) -> str | None:
    """The letter of the last conclusion of this kind that is not taken back or one of several."""
    for found in reversed(list(pattern.finditer(text))):
        letter = found["x"] or found["x_"]
        rest = text[found.end() :]
        if _TAKEN_BACK.search(text[: found.start()]):
            continue
        if re.match(r"[)\]*\s]*(?:,|/|\bor\b|\band\b|&)\s*(?:option\s+)?\(?[A-Z]\b(?!\w)(?!\s*(?:is|are|was))", rest):
            continue
        return letter.upper()
    return None


def _begins(text: str, letters: str, options: Sequence[str]) -> str | None:
    """ "B. Candles", "(B) because", "a) fishing", "C" and a line below, "B Candles"."""
    if list(dict.fromkeys(_LISTED.findall(text))) == list(letters):
        return None  # the options one by one: nothing is chosen yet
    found = _START.match(text)
    if found and found[1].upper() in letters:
        mark = text[found.start(1) + 1 : found.end()].strip()
        if found[1].isupper() or mark[:1] in (")", ".", ":", "]"):
            return found[1].upper()
    first = re.match(r"[\s*(\"']*([A-Z])[)\s*\"':.]+(.*)", text, re.S)
    if first and first[1] in letters:
        option = _words(options[letters.index(first[1])])
        if option and _words(first[2]).startswith(option):
            return first[1]
    return None


def _standing(text: str, letters: str) -> str | None:
    """The one capital that stands alone and is not denied; "" if there are several, None if none."""
    denied = {letter for pair in _DENIED.findall(text) for letter in pair if letter}
    found = {letter for pair in _STANDING.findall(text) for letter in pair if letter}
    left = {letter for letter in found if letter in letters} - denied
    if not left:
        return "" if denied else None
    return left.pop() if len(left) == 1 else ""


def _mentioned(text: str, letters: str, options: Sequence[str]) -> str | None:
    """The one option whose whole text occurs in the reply; where the reply denies, only at its beginning."""
    words = f" {_bare(text)} "
    found = []
    for letter, option in zip(letters, options, strict=True):
        wanted = _bare(option)
        if wanted and f" {wanted} " in words:
            found.append((letter, wanted))
    if re.search(r"\b(?:not|no|never|cannot|can't|isn't|neither)\b", words):
        return _same_text(re.split(r"[,.;:!\n]", text)[0], letters, options) or _same_text(text, letters, options)
    whole = [letter for letter, w in found if not any(w != other and f" {w} " in f" {other} " for _, other in found)]
    return whole[0] if len(whole) == 1 else None


def _bare(text: str) -> str:
    """Words and arrows only."""
    return re.sub(r"[^\w>-]+", " ", text.translate(_MARKS).casefold()).strip()

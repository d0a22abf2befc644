"""Reading turn 2's reply: which option's letter a careful reader would take it for.

Rules go from the most to the least explicit, and the first that reads anything decides:
a marked answer, a bare letter, an option's own text, a sentence that concludes, a letter the reply
begins with, the one letter that is left standing, the one option whose words occur.
"""

import re
import unicodedata
from collections.abc import Sequence

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOOKALIKES = str.maketrans("АВСЕНКМОРТХ", "ABCEHKMOPTX")  # Cyrillic capitals
_THOUGHT = re.compile(r"<(think|thinking|analysis|reasoning)>.*?(</\1>|$)", re.I | re.S)
_THOUGHT_END = re.compile(r"^.*</(think|thinking|analysis|reasoning)>", re.I | re.S)
_ROLE = re.compile(r"<\|im_start\|>\s*assistant|<\|[^|>]*\|>", re.I)
_MARKED = (
    re.compile(r"<\s*(?:answer|choice|option)\s*>(.*?)(?:<\s*/|$)", re.I | re.S),
    re.compile(r"\\boxed\s*\{(?:\\text\s*\{)?([^{}]*)\}", re.S),
    re.compile(r"[\"'](?:final_)?(?:answer|choice|option)[\"']\s*:\s*[\"']([^\"']*)[\"']", re.I),
)
# A letter by itself: a capital that no word goes on from ("A man" is an article), or a small one
# that ends the reply or a sentence.
_LETTER = r"[\s\"'`*_(\[{“‘$]*(?:(?-i:(?P<x>[A-Z]))(?![\w'’&+#]|-\w)|(?P<x_>[a-z])(?=[)\].,;:*\"'`\s]*$))"
_CONCLUSIONS = tuple(
    re.compile(pattern.replace("@", _LETTER), re.I | re.M)
    for pattern in (
        r"\bnot\s+(?:option\s+)?\(?[A-Z]\)?\s*,?\s*but\s+(?:rather\s+)?(?:option\s+)?@",
        r"\b(?:answer|best guess|final choice|correct (?:option|choice|one)|right (?:option|choice|one)|"
        r"best (?:option|choice))\b\**\s*(?:is|are|was|should be|would be|must be|will be|has to be|to be|might be|"
        r"could be)?\s*(?:likely|probably|most likely|clearly|therefore|thus|option|choice|letter|\(?option\)?)*\s*"
        r"[:=\-–—>]*\s*(?:option|choice|letter)?@",
        r"\b(?:i|we)(?:'d|'ll| would| will| must| have to| can| should)?\s*(?:choose|pick|select|go with|say|opt for|"
        r"vote for|think(?: it(?: is|'s))?|believe(?: it(?: is|'s))?|guess|conclude)\s*(?:that\s+)?(?:it is\s+)?(?:the\s+)?"
        r"(?:answer|option|choice|letter)?\s*(?:is)?\s*[:\-]?@",
        r"\b(?:therefore|hence|thus|so|consequently|finally|in conclusion|overall)\b,?\s*(?:it(?: is|'s)|i'd say|i say)?\s*"
        r"(?:the\s+)?(?:answer|option|choice)?\s*(?:is|must be|should be)?\s*[:\-]?@",
        r"\b(?:it is|it's|it must be|it should be|that is|that's|closest to|corresponds to|matches|points to)\s*"
        r"(?:option|choice|letter|answer)?\s*@",
    )
)
_OPTION_IS = re.compile(r"\b(?:option|choice)\s*:?" + _LETTER, re.I | re.M)
_START = re.compile(r"^[\s\"'`*_(\[{“‘$#>\-]*([A-Za-z])(?:\s*[)\]}.:,;\"'`*_”’]|\s*[\n(\-–—]|\s*$)")
_STANDING = re.compile(r"(?<![\w'’.&+#-])([A-Z])(?![\w'’&+#]|-\w|\s+[a-z])")
_DENIED = re.compile(
    r"\b(?:not|nor|isn't|excluding|except|rule out|ruled out|eliminate|instead of|rather than)\s+(?:options?\s+|choices?\s+)?"
    r"\(?([A-Z])\b\)?|\(?\b([A-Z])\b\)?\s*(?:and\s+\(?[A-Z]\)?\s*)?(?:is|are|was|can be|seems?|looks?)\s+(?:also\s+|clearly\s+)?"
    r"(?:wrong|incorrect|false|not|excluded|ruled out|eliminated|a distractor|impossible|unlikely)"
)
_LISTED = re.compile(r"(?:^|\s)\(?[A-Z]\)?\s*(?:,|/|and|or|&|\s)\s*\(?[A-Z]\)?(?=$|[\s,./&)]|\()")


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
    text = unicodedata.normalize("NFKC", reply)
    text = re.sub(r"[\u200b-\u200f\ufeff\u2060]", "", text)
    text = _THOUGHT_END.sub("", _THOUGHT.sub("", text))
    text = re.sub(r"(?<!\w)[АВСЕНКМОРТХ](?!\w)", lambda m: m[0].translate(_LOOKALIKES), text)
    return re.sub(r"([A-Z])(?=[^\x00-\u024f])|(?<=[^\x00-\u024f])([A-Z])", r" \1\2 ", _ROLE.sub("", text)).strip()


def _short(text: str, letters: str, options: Sequence[str]) -> str | None:
    """A reply that is a letter, or an option's text, and nothing else."""
    core = re.sub(r"[\W_]+", "", text)
    if len(core) == 1 and core.upper() in letters and core.isalpha():
        return core.upper()
    return _same_text(text, letters, options)


def _same_text(text: str, letters: str, options: Sequence[str]) -> str | None:
    wanted = _words(text)
    same = [letter for letter, option in zip(letters, options, strict=True) if wanted and _words(option) == wanted]
    return same[0] if len(same) == 1 else None


def _words(text: str) -> str:
    """For comparing: small letters, spaces and outer punctuation tidied."""
    return " ".join(text.casefold().split()).strip(" .,;:!?\"'`*_()[]{}")


def _long(text: str, letters: str, options: Sequence[str]) -> str | None:
    for pattern in _CONCLUSIONS:
        if read := _concluded(pattern, text):
            return read if read in letters else None
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
        if re.match(r"[)\]*\s]*(?:,|/|\bor\b|\band\b|&)\s*(?:option\s+)?\(?[A-Z]\b(?!\w)(?!\s*(?:is|are|was))", rest):
            continue
        return letter.upper()
    return None


def _begins(text: str, letters: str, options: Sequence[str]) -> str | None:
    """ "B. Candles", "(B) because", "a) fishing", "C" and a line below, "B Candles"."""
    found = _START.match(text)
    if found and found[1].upper() in letters and not _several(text):
        mark = text[found.start(1) + 1 : found.end()].strip()
        if found[1].isupper() or mark[:1] in (")", ".", ":", "]"):
            return found[1].upper()
    first = re.match(r"[\s*(\"']*([A-Z])[)\s*\"':.]+(.*)", text, re.S)
    if first and first[1] in letters:
        option = _words(options[letters.index(first[1])])
        if option and _words(first[2]).startswith(option):
            return first[1]
    return None


def _several(text: str) -> bool:
    """Whether the reply begins by naming more than one letter, "B, not C" aside."""
    return bool(re.match(r"[\s\"'*(\[]*[A-Z][)\]]?\s*(?:,|/|&|;|\band\b|\bor\b|\()?\s*\(?[A-Z][)\]]?(?=$|[\s,./&;)(])", text))


def _standing(text: str, letters: str) -> str | None:
    """The one capital that stands alone and is not denied; "" if there are several, None if none."""
    denied = {letter for pair in _DENIED.findall(text) for letter in pair if letter}
    pronoun = {"I"} if re.search(r"\bI\s+[a-z]", text) else set()
    left = {letter for letter in _STANDING.findall(text) if letter in letters} - denied - pronoun
    if not left:
        return "" if denied else None
    return left.pop() if len(left) == 1 else ""


def _mentioned(text: str, letters: str, options: Sequence[str]) -> str | None:
    """The one option whose whole text occurs in the reply."""
    words = f" {_bare(text)} "
    found = []
    for letter, option in zip(letters, options, strict=True):
        wanted = _bare(option)
        if wanted and f" {wanted} " in words:
            found.append((letter, wanted))
    whole = [letter for letter, w in found if not any(w != other and f" {w} " in f" {other} " for _, other in found)]
    denied = re.search(r"\b(?:not|no|never|cannot|can't|isn't|neither)\b", words)
    return whole[0] if len(whole) == 1 and (not denied or _words(text) == _words(options[letters.index(whole[0])])) else None


def _bare(text: str) -> str:
    """Words and arrows only."""
    return re.sub(r"[^\w>-]+", " ", text.casefold()).strip()

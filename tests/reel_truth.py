"""An independent reader of Reel scripts: answers every question from the scenes alone."""

import re

from msjoe.reel.script.records import Script
from msjoe.reel.vocabulary import CHARACTERS, ITEMS, MARKS, PLACES


def solve(script: Script, question) -> str:
    """The letter of the only option that is true of the scenes, worked out from the words alone."""
    lettered = zip("ABCDE", question.options, strict=False)
    true = [letter for letter, option in lettered if _holds(script, question, option)]
    assert len(true) == 1, (question, true)
    return true[0]


def _who(script: Script, words: str) -> int:
    words = words.removeprefix("the ")
    if words in CHARACTERS:
        return CHARACTERS.index(words)
    (who,) = [w for w, look in script.cast.items() if look.words == words]
    return who


def _place(words: str) -> int:
    words = words.removeprefix("the ")
    (place,) = [i for i, p in enumerate(PLACES) if words in (p.name, p.look)]
    return place


def _at(script: Script, who: str, place: str) -> list:
    found = [s for s in script.scenes if s.moment.who == _who(script, who) and s.moment.place == _place(place)]
    assert found, (who, place)
    return found


def _value(script: Script, ask: str, option: str):
    if ask.startswith("what"):
        return "item", ITEMS.index(option)
    if ask.startswith("which"):
        return "mark", MARKS.index(option)
    return "place", _place(option)


def _holds(script: Script, question, option: str) -> bool:
    text = question.text.rstrip("?")
    text = text[0].lower() + text[1:]
    handlers = (
        (r"(after|before) (.*) was at (.*), (.*) (?:next|last)$", _order),
        (r"what did (.*) hold at (.*), and what did (.*) hold at (.*)$", _pair),
        (r"how many different things did (.*) hold at (.*)$", _count),
        (r"what did (.*) never hold at (.*)$", _never),
        (r"what did (.*) hold at (.*)$", _item),
        (r"which mark was beside (.*) at (.*)$", _mark),
        (r"where was (.*) with the (.*)$", _where),
        (r"who held the (.*) at (.*)$", _who_held),
        (r"(where did most|who was seen for most|where did the video begin|where did the video end)", _global),
    )
    for pattern, handler in handlers:
        match = re.match(pattern, text)
        if match:
            return handler(script, option, *match.groups())
    raise AssertionError(f"no reading of {text!r}")


def _order(script, option, way, who, place, ask):
    (anchor,) = _at(script, who, place)
    subject = re.search(r"(the .*?)(?: hold)?$", ask.replace("which mark was beside ", "")).group(1)
    subject = subject.removeprefix("where was ")
    others = [s for s in script.scenes if s.moment.who == _who(script, subject)]
    if way == "after":
        scene = min((s for s in others if s.start >= anchor.end), key=lambda s: s.start)
    else:
        scene = max((s for s in others if s.end <= anchor.start), key=lambda s: s.start)
    attribute, value = _value(script, ask, option)
    return getattr(scene.moment, attribute) == value


def _pair(script, option, who1, place1, who2, place2):
    (one,), (two,) = _at(script, who1, place1), _at(script, who2, place2)
    return option == f"{ITEMS[one.moment.item]}, {ITEMS[two.moment.item]}"


def _count(script, option, who, place):
    return len({s.moment.item for s in _at(script, who, place)}) == int(option)


def _never(script, option, who, place):
    return ITEMS.index(option) not in {s.moment.item for s in _at(script, who, place)}


def _item(script, option, who, place):
    (scene,) = _at(script, who, place)
    return ITEMS[scene.moment.item] == option


def _mark(script, option, who, place):
    (scene,) = _at(script, who, place)
    return MARKS[scene.moment.mark] == option


def _where(script, option, who, item):
    (scene,) = [s for s in script.scenes if s.moment.who == _who(script, who) and ITEMS[s.moment.item] == item]
    return scene.moment.place == _place(option)


def _who_held(script, option, item, place):
    (scene,) = [s for s in script.scenes if ITEMS[s.moment.item] == item and s.moment.place == _place(place)]
    return scene.moment.who == _who(script, option)


def _global(script, option, ask):
    if ask.endswith("begin"):
        return script.scenes[0].moment.place == _place(option)
    if ask.endswith("end"):
        return script.scenes[-1].moment.place == _place(option)
    attribute, value = ("who", _who(script, option)) if ask.startswith("who") else ("place", _place(option))
    spent: dict[int, float] = {}
    for s in script.scenes:
        spent[getattr(s.moment, attribute)] = spent.get(getattr(s.moment, attribute), 0.0) + s.end - s.start
    return max(spent, key=spent.get) == value

"""What is true of a planned clip, in a form that JSON can hold, and what of it is there or going on at a moment."""

from model.training.events.acts import SWITCHES, Event
from model.training.events.clock import Clock
from model.training.events.stage import Actor, Show
from model.training.placing import extent, place_of
from model.training.sample import Facts, Size

CLOSE = 0.7  # steps; what happens nearer than this to a moment may or may not be seen by then
CLEARLY = 2.5  # pixels or degrees from one frame to the next
PLACED = (*SWITCHES, "still", "spin")  # what leaves a thing where it is


def short(value: float | None) -> float | int | None:
    """A time without needless digits: 3 for 3.0."""
    return int(value) if value is not None and value == int(value) else value


def begins_clearly(actor: Actor, frame: int) -> bool:
    """Whether a thing looks clearly different, or stands clearly elsewhere, in a frame than in the one before."""
    one, two = actor.poses[frame - 1], actor.poses[frame]
    if one is None or two is None or one.colour != two.colour or abs(one.angle - two.angle) >= CLEARLY:
        return True
    away = max(abs(one.x - two.x), abs(one.y - two.y), abs(one.width - two.width), abs(one.height - two.height))
    return actor.event.what == "meet" or away >= CLEARLY


def event_fact(number: int, actor: Actor, clock: Clock) -> Facts:
    """What happens to one thing: in which frames, between which seconds, and `at` which time as an answer says it.

    What begins too gently to be seen has no time that could be asked for.
    """
    event = actor.event
    start, end = event.start or 0.0, clock.times[-1] if event.end is None else event.end
    begun = 0 if event.start is None else clock.first_after(event.start)
    fact: Facts = {
        "id": number,
        "what": event.what,
        "order": event.order,
        "start": begun,
        "end": clock.first_after(end),
        "from": round(start, 3),
        "until": round(end, 3),
        "at": short(clock.said(event.start)) if event.start is not None and begins_clearly(actor, begun) else None,
    }
    extra = {"to": event.to, "times": event.times, "pace": event.pace}
    return fact | {key: value for key, value in extra.items() if value} | other_fact(event)


def other_fact(event: Event) -> Facts:
    """The thing that is met."""
    return {} if event.other is None else {"other": event.other}


def thing_facts(actors: tuple[Actor, ...], size: Size) -> list[Facts]:
    """What things are and where they are first seen; the box is left, top, right, bottom in pixels."""
    return [
        {
            "id": number,
            "thing": actor.figure.thing,
            "colour": actor.figure.colour,
            "place": list(place_of(actor.figure.x, actor.figure.y, size)),
            "box": [round(value, 1) for value in extent(actor.figure)],
            "scene": actor.scene,
        }
        for number, actor in enumerate(actors)
    ]


def facts_of(show: Show, clock: Clock, size: Size) -> Facts:
    """Everything that is asked for."""
    starts = (0, *show.cuts)
    scenes: list[Facts] = [
        {"background": tint, "start": start} for tint, start in zip(show.backgrounds, starts, strict=True)
    ]
    for scene in scenes[1:]:
        moment = clock.moment(scene["start"])
        scene |= {"from": round(moment, 3), "at": short(clock.said(moment))}
    return {
        "kind": "video",
        "size": list(size),
        "background": show.backgrounds[0],
        "seconds": clock.length,
        "step": clock.step,
        "names": [short(name) for name in clock.names()],
        "things": thing_facts(show.actors, size),
        "events": [event_fact(i, actor, clock) for i, actor in enumerate(show.actors)],
        "scenes": scenes,
    }


def moments(facts: Facts) -> list[float]:
    """The seconds at which anything begins or ends, scenes included."""
    found = [scene["from"] for scene in facts["scenes"][1:]]
    for event in facts["events"]:
        if event["what"] != "still":
            found += [event["from"], event["until"]]
    return found


def far(facts: Facts, second: float, times: list[float]) -> bool:
    """Whether a moment is clearly before or after all of some times."""
    return all(abs(second - time) >= CLOSE * facts["step"] for time in times)


def going_on(facts: Facts, second: float) -> list[Facts] | None:
    """The events that happen at a moment; None where it cannot be told."""
    found, seen = list[Facts](), set[int]()
    for event in facts["events"]:
        if event["what"] == "still" or event["id"] in seen:
            continue
        seen.add(event.get("other", event["id"]))
        lasts = event["until"] > event["from"]
        clear = far(facts, second, [event["from"], event["until"]])
        if event["at"] == second or (lasts and clear and event["from"] < second < event["until"]):
            found.append(event)
        elif not clear or (event["what"] == "meet" and second < event["from"]):
            return None  # things that come together move all the time before they meet
    return found


def there(facts: Facts, second: float) -> list[Facts] | None:
    """The things seen at a moment, row by row, in the colours of then; None where that cannot be told."""
    if any(event["what"] not in PLACED for event in facts["events"]):
        return None
    switches = [event for event in facts["events"] if event["what"] in SWITCHES]
    cuts = [scene["from"] for scene in facts["scenes"][1:]]
    if not far(facts, second, [event["from"] for event in switches] + cuts):
        return None
    scene = sum(second > cut for cut in cuts)
    found = [fact for fact in facts["things"] if fact["scene"] == scene]
    for event in switches:
        fact, after = facts["things"][event["id"]], second > event["from"]
        if event["what"] == "recolour":
            found = [f | {"colour": event["to"]} if f["id"] == fact["id"] and after else f for f in found]
        elif after == (event["what"] == "vanish"):
            found = [f for f in found if f["id"] != fact["id"]]
    return sorted(found, key=lambda fact: fact["place"])

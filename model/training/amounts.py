"""Questions that compare a count with a number: more than three, at least two, exactly four."""

import random

from model.training.asking import Ask
from model.training.language import NUMBERS
from model.training.picture_questions import YES, Maker
from model.training.sample import Facts, Lang

LEAST, MOST = 2, 9  # what a count is compared with; of one, English would need the singular
FEW = 0.1  # share of the counts of none or one that are compared with something
WORDS = 0.4  # share of the questions that spell the number
Steps = tuple[tuple[int, ...], tuple[int, ...]]
# From the count to a number for which the answer is yes, and to one for which it is no.
KINDS: dict[str, Steps] = {
    "more_than": ((-1, -2), (0, 1)),
    "fewer_than": ((1, 2), (0, -1)),
    "at_least": ((0, -1), (1, 2)),
    "exactly": ((0,), (1, -1)),
    "that_many": ((0,), (1, 2)),  # of four things one can say, too, that there are three
}


def compared(count: Ask, rng: random.Random, lang: Lang) -> Ask | None:
    """One such question about the same things as a question of how many, as often yes as no where it can be.

    None where the answer that was drawn has no fitting number, as may be for a count of none or one.
    """
    number = int(count.answer)
    for key in rng.sample(sorted(KINDS), len(KINDS)):
        truth = rng.random() < 0.5
        if fitting := [number + step for step in KINDS[key][not truth] if LEAST <= number + step <= MOST]:
            with_number = rng.choice(fitting)
            spelled = NUMBERS[lang][with_number] if rng.random() < WORDS else str(with_number)
            slots = count.slots | {"k": spelled}
            return Ask("amount", key, YES["exists"][lang][truth], slots, count.about)
    return None


def amounts_of(counts: Maker) -> Maker:
    """The maker of such questions about all that another maker counts."""

    def amounts(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
        """Whether there are more, fewer, exactly so many."""
        asks = [ask for ask in counts(facts, rng, lang) if int(ask.answer) >= LEAST or rng.random() < FEW]
        return [found for ask in asks if (found := compared(ask, rng, lang))]

    return amounts

"""Calls in which a card's number, its code and its date are said, and calls with other numbers, by a person's voice and by a rendered one.

Two legs of 8 kHz G.711. Of every digit that is to be hidden it is known when it is said.
"""

import random
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

import prompts

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "packaging" / "demo-model"))
import voice  # noqa: E402

RATE = prompts.RATE
ONES = "zero one two three four five six seven eight nine".split()
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()
ASKS = ["Can I take your card number please?", "What is the long number across the front of your card?", "Which card would you like to pay with? I need the number.",
        "Could you read me your credit card number?", "Okay, and the sixteen digits on the card please.", "Go ahead with the card number when you are ready."]
BEGINS = ["Sure, it's", "Yes, that is", "Okay, it's", "Just a moment. It is", "Yeah,", ""]
ANNOUNCES = ["My card number is", "The credit card number is", "I want to pay by visa, the number is", "It's a debit card,", "You can charge my mastercard,"]
ENDS = ["thank you.", "did you get that?", "and that's it.", "", ""]
CODE_ASKS = ["And the security code on the back?", "What are the three digits on the back of the card?", "And the C V V please?"]
DATE_ASKS = ["And when does the card expire?", "What is the expiry date?", "And the expiration date please?"]
OTHERS = [("phone", "What is the best phone number to reach you?", "It's", 10), ("phone", "And your mobile number please?", "Sure,", 10),
          ("order", "Do you have the order number?", "Yes, it's", 8), ("order", "What is your order number please?", "That is", 12),
          ("tracking", "Can you give me the tracking number?", "It's", 12), ("tracking", "What does the tracking number say?", "", 16),
          ("zip", "What is your zip code?", "It's", 5), ("account", "Can I have your account number?", "Sure, it's", 8),
          ("reference", "What is the reference number on the letter?", "It is", 9), ("policy", "And your policy number please?", "It's", 10)]


@dataclass
class Secret:
    """What has to be hidden: its kind, how it was said, its digits, and when each was said, in seconds."""

    kind: str
    style: str
    digits: str
    times: list = field(default_factory=list)


@dataclass
class Call:
    name: str
    legs: list  # samples of agent and caller
    secrets: list
    about: str
    expected: str = ""  # digits that must stay


@cache
def prompt(name):
    return prompts.load(name)


@cache
def rendered(text, speaker, speed=130):
    return voice.say(text, speaker, speed)


def luhn(body):
    total = sum((2 * int(digit) - 9 * (int(digit) > 4)) if place % 2 == 0 else int(digit) for place, digit in enumerate(reversed(body)))
    return body + str(-total % 10)


def card_number(rng):
    start, length = rng.choice([("4", 16), ("4", 16), ("5" + rng.choice("12345"), 16), ("37", 15), ("34", 15), ("6011", 16)])
    digits = start
    while len(digits) < length - 1:
        # Numbers of cards are random; so are runs of one digit, at which recognisers stumble.
        digits += digits[-1] if rng.random() < 0.2 else rng.choice("0123456789")
    return luhn(digits)


def pieces_of(digits, style, rng):
    """The words of a number as (words, digits, pause behind in seconds)."""
    zero = rng.choice(["zero", "oh"])
    one = lambda digit: zero if digit == "0" else ONES[int(digit)]
    sizes = [4, 6, 5] if len(digits) == 15 else [4] * (len(digits) // 4)
    ends = set(np.cumsum(sizes)) if sum(sizes) == len(digits) else {3, 6, len(digits)}
    short = lambda: rng.uniform(0.03, 0.12)
    said, at = [], 0
    while at < len(digits):
        pair = digits[at : at + 2]
        room = at + 2 <= len(digits)
        if style == "pairs" and room and pair[0] != "0" and (len(digits) - at) % 2 == 0:
            tens, unit = int(pair[0]), int(pair[1])
            words = [TEENS[unit]] if tens == 1 else [TENS[tens]] + ([ONES[unit]] if unit else [])
            said.append((words, pair, short()))
            at += 2
        elif style == "double" and room and pair[0] == pair[1]:
            said.append((["double", one(pair[0])], pair, short()))
            at += 2
        else:
            said.append(([one(digits[at])], digits[at], short()))
            at += 1
        if style == "run":
            said[-1] = (*said[-1][:2], rng.uniform(0.05, 0.15))
        elif at in ends:
            said[-1] = (*said[-1][:2], rng.uniform(0.3, 0.75))
    return said


def sound_of(word, speaker):
    """A word by the person who spoke the prompts, or rendered where there is no prompt or the speaker is a rendered one."""
    number = {name: str(value) for value, name in enumerate(ONES + TEENS)} | {name: str(10 * value) for value, name in enumerate(TENS)} | {"oh": "oh"}
    if speaker is None and word in number:
        return prompt(number[word])
    return rendered(word, speaker or "en-us", 130).samples


class Line:
    """One leg as it grows."""

    def __init__(self, speaker):
        self.speaker, self.parts, self.length = speaker, [], 0

    def add(self, samples, level=0.4):
        begin = self.length / RATE
        self.parts.append(samples * level)
        self.length += len(samples)
        return begin, self.length / RATE

    def rest(self, seconds):
        self.add(np.zeros(int(seconds * RATE), np.float32))

    def until(self, sample):
        self.add(np.zeros(max(sample - self.length, 0), np.float32))

    def say(self, text):
        if text:
            self.add(rendered(text, self.speaker or "en-us", 130).samples)
            self.rest(0.25)

    def tell(self, secret, rng, speed=130):
        """Says the digits; a correction says a group wrong and then right."""
        for number, (words, digits, pause) in enumerate(pieces_of(secret.digits, secret.style, rng)):
            if secret.style == "corrected" and number == 6:
                for wrong in rng.sample(ONES[1:], 2):
                    secret.times.append(self.add(sound_of(wrong, self.speaker)))
                    self.rest(0.08)
                self.rest(0.2)
                self.add(rendered("sorry", self.speaker or "en-us", 130).samples)
                self.rest(0.2)
            for word in words:
                secret.times.append(self.add(sound_of(word, self.speaker)))
                self.rest(0.02)
            self.rest(pause)

    def samples(self):
        return np.concatenate(self.parts) if self.parts else np.zeros(0, np.float32)


def telephone_line(samples, rng):
    """G.711 with a little noise of the line."""
    noisy = samples + 0.0006 * rng.standard_normal(len(samples)).astype(np.float32)
    return ulaw(noisy)


def ulaw(samples):
    """There and back by ITU-T G.711 mu-law: what a telephone leaves of 16 bits."""
    value = np.clip(np.abs(samples) * 32768, 0, 32635).astype(np.int32) + 132
    exponent = np.floor(np.log2(value)).astype(np.int32) - 7
    mantissa = (value >> (exponent + 3)) & 15
    back = (((mantissa << 3) + 132) << exponent) - 132
    return (np.sign(samples) * back).astype(np.int16)


STYLES = ["groups", "groups", "pairs", "double", "run", "corrected"]


def secret_call(number, rng, noise, about):
    speaker = None if rng.random() < 0.7 else rng.choice(["en-us", "en-gb-x-rp", "en-us+m3"])
    agent, caller = Line(rng.choice(["en-us", "en-gb-x-rp", "en-us+Annie"])), Line(speaker)
    secrets = [Secret("card", STYLES[number % len(STYLES)], card_number(rng))]
    agent.rest(0.5)

    def turn(first, second):
        second.until(first.length + int(rng.uniform(0.3, 0.9) * RATE))

    if about == "asked":
        agent.say(rng.choice(ASKS))
        turn(agent, caller)
        caller.say(rng.choice(BEGINS))
    elif about == "announced":
        turn(agent, caller)
        caller.say(rng.choice(ANNOUNCES))
    else:
        turn(agent, caller)
        caller.say(rng.choice(["", "yes", "okay so"]))
    caller.tell(secrets[0], rng)
    caller.say(rng.choice(ENDS))
    if number % 3 == 0:
        month, year = rng.randrange(1, 13), rng.randrange(26, 34)
        secrets.append(Secret("expiry", "groups", f"{month:02}{year}"))
        turn(caller, agent)
        agent.say(rng.choice(DATE_ASKS))
        turn(agent, caller)
        caller.tell(secrets[-1], rng)
    if number % 3 < 2:
        secrets.append(Secret("cvv", "groups", "".join(rng.choice("0123456789") for _ in range(4 if len(secrets[0].digits) == 15 else 3))))
        turn(caller, agent)
        agent.say(rng.choice(CODE_ASKS))
        turn(agent, caller)
        caller.tell(secrets[-1], rng)
    return finished(f"{about}-{number:03}", agent, caller, secrets, f"{about}, {'person' if speaker is None else 'rendered'}", noise)


def harmless_call(number, rng, noise):
    kind, ask, begin, length = OTHERS[number % len(OTHERS)]
    agent, caller = Line(rng.choice(["en-us", "en-gb-x-rp", "en-us+Annie"])), Line(None)
    digits = rng.choice("23456789") + "".join(rng.choice("0123456789") for _ in range(length - 1))
    said = Secret(kind, rng.choice(["groups", "run"]), digits)
    agent.rest(0.5)
    agent.say(ask)
    caller.until(agent.length + int(0.5 * RATE))
    caller.say(begin)
    caller.tell(said, rng)
    caller.say(rng.choice(ENDS))
    call = finished(f"other-{number:03}", agent, caller, [], kind, noise)
    call.expected, call.times = digits, said.times
    return call


def finished(name, agent, caller, secrets, about, noise):
    length = max(agent.length, caller.length) + RATE
    legs = []
    for line in (agent, caller):
        line.until(length)
        legs.append(telephone_line(line.samples(), noise))
    return Call(name, legs, secrets, about)


def calls(count, bare, others, seed=20_261_123):
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    for number in range(count):
        yield secret_call(number, rng, noise, "asked" if rng.random() < 0.65 else "announced")
    for number in range(bare):
        yield secret_call(3 * number + 2, rng, noise, "unannounced")
    for number in range(others):
        yield harmless_call(number, rng, noise)

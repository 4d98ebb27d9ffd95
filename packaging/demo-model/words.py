"""What callers and agents of the demo say: a small grammar of call-centre English.

A template is a sentence with choices: `{a|b}` picks one of the texts, `{name}` expands a list below. `sentence` makes one, `jumble` strings words
together in no order at all, so that the model has to listen instead of guessing. Sentences of the demo calls, and one in twelve of the rest, are
never used in training.
"""

import random
import re
import zlib

LISTS = {
    "digit": "zero one two three four five six seven eight nine",
    "unit": "one two three four five six seven eight nine",
    "count": "two three four five six seven eight nine ten eleven twelve",
    "teen": "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
    "tens": "twenty thirty forty fifty sixty seventy eighty ninety",
    "weekday": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "month": "January February March April May June July August September October November December",
    "first_name": "John Mary David Sarah Peter Anna James Emma Robert Lisa Michael Susan",
    "last_name": "Smith Jones Brown Taylor Wilson Davis Miller Clark Lewis Walker",
    "city": "London Boston Chicago Denver Dublin Paris Texas Florida",
    "product": "phone laptop router modem television printer card ticket camera washer",
    "thing": "order account payment refund invoice contract bill package delivery subscription",
    "bad": "terrible awful unacceptable ridiculous horrible useless",
    "good": "excellent great wonderful perfect fantastic brilliant",
    "upset": "angry upset unhappy disappointed frustrated furious",
    "ordinal": "first second third fourth fifth sixth seventh eighth ninth tenth",
}
LISTS = {name: words.split() for name, words in LISTS.items()}
LISTS |= {
    "company": ["Northern Energy", "City Bank", "Green Mobile", "Express Travel", "Home Insurance"],
    "digits": ["{digit} {digit} {digit}", "{digit} {digit} {digit} {digit}", "{digit} {digit} {digit} {digit} {digit}",
               "{digit} {digit} {digit} {digit} {digit} {digit}", "{digit} {digit} double {digit} {digit}"],
    "number": ["{count}", "{count}", "{teen}", "{tens}", "{tens} {unit}", "{count} hundred", "{count} hundred and {tens}"],
    "amount": ["{number} dollars", "{number} dollars", "{number} pounds", "{number} dollars and {tens} cents", "{count} thousand dollars"],
    "date": ["{weekday}", "next {weekday}", "the {ordinal} of {month}", "{month} {ordinal}", "tomorrow", "today", "next week",
             "the end of the {month|week}"],
    "past": ["yesterday", "last {week|month|year|night}", "on {weekday}", "{count} {days|weeks|months} ago", "this morning", "in {month}"],
    "clock": ["{count} {in the morning|in the afternoon|in the evening|o'clock}", "half past {count}"],
    "full_name": ["{first_name} {last_name}"],
    "name": ["{first_name}", "{full_name}"],
    "boss": ["supervisor", "manager"],
    "team": ["the billing department", "technical support", "the sales department", "customer service", "a supervisor", "my manager"],
    "detail": ["full name", "email address", "date of birth", "post code", "home address", "phone number", "account number"],
    "when": ["today", "tomorrow", "right now", "next week", "on {weekday}", "this {afternoon|evening|week}"],
    "quantity": ["{number} {minutes|hours|days|weeks}"],
    "broken": ["broken", "not working", "missing", "damaged", "very slow", "the wrong one"],
}

TEMPLATES = """
thank you for calling {company}
thank you for calling {company} my name is {name}
thank you for calling {company} this is {name} speaking
hello my name is {name}
hello this is {name} from {company}
good {morning|afternoon|evening} my name is {name} how can I help you?
good {morning|afternoon|evening} this is {name} {calling|} from {company}
how {can|may} I help you {today|}?
hi I am calling about my {thing}
I am calling about the {product} I bought {past}
I am calling because my {product} is {broken}
am I speaking {to|with} {name}?
{can|may} I have your {detail} please?
can you {confirm|tell me|spell} your {detail} {please|}?
please {confirm|tell me} your {detail}
I just need to check your {detail}
this call {may be|is being} recorded {for quality purposes|for training purposes|for training and quality purposes|}
this is an attempt to collect a debt {and any information will be used for that purpose|}
your {thing} is {protected|covered|secure} by the terms and conditions
you have the right to cancel {within fourteen days|your {thing} within {number} days}
my account number is {digits}
my {order|policy|reference|phone|card} number is {digits}
the {reference|policy|account|order|phone|ticket} number is {digits}
yes my {account|order|policy} number is {digits}
it is {digits}
that is {digits}
the last {three|four} digits are {digits}
{digits}
my post code is {digits}
your balance is {amount}
the {total|amount|bill|price} is {amount}
you {still|} owe {us|} {amount}
you owe {amount} since {last month|{month}}
I was charged {amount} {past}
you charged me {amount} {twice|too much|again} {{past}|}
the bill is {amount} and it is wrong
we can offer you {amount} as a refund
we can offer you a {payment plan|discount|new contract} of {amount} a {month|week}
the payment of {amount} was received {past}
I have already paid {amount} {{past}|}
I want to cancel my {thing}
I {want|would like} to {cancel|change|renew|check} my {thing} {today|please|right now|}
yes I want to {cancel|keep|change|renew} my {thing}
I {want|need} a {full|} refund for {the|my} {product}
I {want|need} my money back {today|now|for the {product}}
please send me a new {product}
can you {check|change|cancel|update|confirm} my {thing} {please|}?
where is my {order|package|delivery|refund|{product}}?
my {order|package|delivery} has not arrived {yet|}
the {product} is {broken}
my {product} is {broken} {since {weekday}|again|}
the {product} stopped working {past}
I have {a problem|another problem|a question} {with|about} my {thing}
my internet {connection|} is very slow {today|again|}
I want to speak to {a|your} {boss} {now|right now|please|immediately|}
let me {talk|speak} to your {boss} {now|please|}
I {will|am going to} call my lawyer {today|tomorrow|about this|}
you will hear from my lawyer {about this|next week|on {weekday}|}
I will take {you|this company|{company}} to court {for this|}
my lawyer will {sue you|sue this company|write to you} {tomorrow|on {weekday}|}
this is {illegal|fraud} and I will take legal action
I will report you to the {police|bank|regulator}
I want to {make|file} a {formal|} complaint {about {your service|the delivery|my bill|the agent}|}
this is {bad} {service|}
this is {bad} and I am very {upset}
your service is {bad}
I am {very|so} {upset} {with {your service|this company|you}|about the {thing}|}
I have been {waiting|holding} for {quantity}
I have called you {count} times {already|this week|today}
nobody {can help me|called me back|knows anything} {about this problem|}
what the hell is {wrong with you|going on}?
damn it this is {bad}
the damn {product} is broken {again|}
the bloody {product} does not work
this is {crap|a load of crap|bloody {bad}}
I will never {use|call|buy from} {company} again
I am going to cancel everything and leave
please hold {the line|} for {a moment|{number} minutes|one moment}
please hold while I {check|find|open} your {thing}
one moment please {while I {check|find|open} your {thing}|}
thank you for {holding|waiting|your patience}
are you still there {{name}|}?
I am {very|} sorry about {that|the delay|the problem|the mistake|your {thing}}
I am sorry to hear that {{first_name}|}
I {apologise|am sorry} for the {delay|mistake|inconvenience}
I {understand|can see} that you are {upset}
let me {transfer|connect} you to {team}
I will transfer you to {team} {now|}
I can see {your {thing}|the payment|the problem} {here|now|on your account}
we will send {you|} {a new {product}|an engineer|a letter|an email} {{when}|}
your {order|package|delivery|refund} will arrive {on {weekday}|{when}}
your {thing} has been {cancelled|updated|confirmed|changed|approved}
the {engineer|delivery} will arrive on {weekday} at {clock}
I will call you back {when} {at {clock}|}
can you {please|} turn the {router|modem|{product}} off and on again?
have you tried to {restart|reset} the {product}?
is the light on the {router|modem|{product}} {green|red}?
the light is {green|red|off} {now|}
I will pay on {weekday}
I will pay {amount} {on {date}|on {weekday}|{when}}
I can pay {amount} {today|tomorrow|next week|on {weekday}|a month}
I promise to pay {{amount}|} {by|on} {date}
I {cannot|can not} pay {until|before} {date}
can I pay by {credit card|bank transfer|check}?
I lost my job {{past}|} and I cannot pay {the bill|you|this}
when can you make {the|a} payment?
{can|could} you pay {amount} {today|by {date}}?
so you will pay {amount} on {date}
I will {note|confirm} the payment of {amount} for {date}
thank you {very much|so much} for your {help|time}
thank you {name} {you have been very helpful|}
{that|this} is {good} thank you
the problem is {solved|resolved} {now|} {thank you|}
your service was {good}
everything is {working|fine|resolved} now
I am {very|so} happy with {your service|the {product}|this}
is there anything else I can {help you with|do for you} {today|}?
no that is everything thank you
no thank you {that is all|that is everything|}
have a {nice|great|good} {day|weekend|evening}
{goodbye|bye bye|thank you goodbye}
you are {very|} welcome
I live in {city}
I moved from {city} to {city} {past}
my name is {full_name} {and I live in {city}|}
my date of birth is {month} {ordinal} nineteen {tens} {unit}
{yes|no|okay} {that is correct|that is right|that is not right|please|thank you|I understand|I am sure|of course}
I do not {understand|remember|know|agree|believe you|believe this}
do you {understand|remember|agree} {{first_name}|}?
I do not want to {wait|pay|talk to you|renew my contract|hear that}
the meeting is on {weekday} at {clock}
{yes|no} I {am|can|will|did|do}
I bought {it|the {product}} in {city} {past}
it is {a|the} {product} {from {company}|I bought {past}|}
we {received|sent} {it|the {thing}|the letter|your email} {past}
""".strip().splitlines()

ALWAYS_CAPITAL = {"I"} | {word for name in ("weekday", "month", "first_name", "last_name", "city", "company") for text in LISTS[name] for word in text.split()}
INNERMOST = re.compile(r"\{([^{}]*)\}")


def expand(template, rng):
    """Innermost choices first, until none is left."""
    while found := INNERMOST.search(template):
        inner = found.group(1)
        options = LISTS[inner] if inner in LISTS else inner.split("|")
        template = template[: found.start()] + rng.choice(options) + template[found.end() :]
    return " ".join(template.split())


def written(text):
    """As a person writes it: a capital letter and a full stop or question mark."""
    text, end = (text.rstrip("?").rstrip(), "?") if text.endswith("?") else (text, ".")
    return text[0].upper() + text[1:] + end


def _weights():
    """Templates that can say more are said more often."""
    rng = random.Random(0)
    kinds = [len({expand(template, rng) for _ in range(60)}) for template in TEMPLATES]
    return [0.4 + kind**0.5 / 3 for kind in kinds], [kind > 12 for kind in kinds]


WEIGHTS, RICH = _weights()


def sentence(rng, held_out=False):
    """One sentence, from those for training or from those that are kept back."""
    while True:
        place = rng.choices(range(len(TEMPLATES)), WEIGHTS)[0]
        text = written(expand(TEMPLATES[place], rng))
        if is_held_out(text, RICH[place]) == held_out:
            return text


def is_held_out(text, rich=True):
    from scripts import spoken

    if plain(text) in spoken():
        return True
    return rich and len(text.split()) >= 5 and zlib.crc32(plain(text).encode()) % 12 == 0


def plain(text):
    return re.sub(r"[^a-z' ]", "", text.lower()).strip()


def vocabulary():
    """Every word of the grammar, as it is written inside a sentence, sorted."""
    words, rng = set(), random.Random(1)
    for template in TEMPLATES:
        for _ in range(400):
            words |= set(expand(template, rng).rstrip("?").split())
    for options in LISTS.values():
        words |= {word for text in options if "{" not in text for word in text.split()}
    return sorted(words)


_VOCABULARY = []


# Spelt otherwise than another word that sounds the same: alone, nobody can tell which was said.
SOUND_ALIKE = {"buy", "by", "to", "too", "for", "write", "know"}


def jumble(rng, least=2, most=8, leave_out=frozenset()):
    """Words in no order. All words are equally likely, digits a little more."""
    if not _VOCABULARY:
        _VOCABULARY.extend(vocabulary())
    words = [word for word in _VOCABULARY if word.lower() not in leave_out]
    pick = lambda: rng.choice(LISTS["digit"]) if rng.random() < 0.12 else rng.choice(words)
    return written(" ".join(pick() for _ in range(rng.randint(least, most))))


if __name__ == "__main__":
    print("\n".join(vocabulary()))

"""What is said on the measured calls: the names of each, sentences with them, and sentences that only sound like them."""

# A call's agent, lead, campaign, in-group and list, as a dialer's tables have them. What is measured, and what the limits were chosen by.
CALLS = {
    "test": [
        ("Lindsey Kowalczyk", "RAJESH VENKATARAMAN", "Brightpath Energy", "Brightpath Support", "Ohio Homeowners"),
        ("Desmond Okafor", "MARISOL QUINTERO", "Northern Lakes Insurance", "Lakes Claims", "Renewals March"),
        ("Ingrid Halvorsen", "THADDEUS BLACKWOOD", "Evergreen Mutual", "Evergreen Service", "Blackwood Referrals"),
        ("Caleb Whitfield", "YVONNE DELACROIX", "Solara Wireless", "Solara Sales", "Fiber Upgrades"),
        ("Priscilla Vandermeer", "NATHANIEL OSTROWSKI", "Hartwell Credit Union", "Hartwell Cards", "Late Payments"),
        ("Annika Lindqvist", "JAMAL RICHARDSON", "Pinecrest Dental", "Pinecrest Front Desk", "Recall Patients"),
    ],
    "tuning": [
        ("Katarina Petrovic", "DARNELL WASHINGTON", "Bluewater Solar", "Bluewater Help", "Florida Roofs"),
        ("Marcus Thornbury", "GUADALUPE HERRERA", "Keystone Mortgage", "Keystone Loans", "Refinance June"),
        ("Bronwyn Llewellyn", "ANTHONY SCHWARTZ", "Summit Broadband", "Summit Billing", "Winback Texas"),
        ("Vikram Chatterjee", "ROSALIND FAIRCHILD", "Oakridge Pharmacy", "Oakridge Refills", "Mail Order"),
        ("Fiona MacAllister", "TREVOR BLANKENSHIP", "Liberty Warranty", "Liberty Claims", "Expired Plans"),
        ("Giovanni Esposito", "HEATHER KAMINSKI", "Cascade Water", "Cascade Service", "Filter Leads"),
    ],
}

# {agent} {lead} and their parts, {campaign} {group}.
WITH_NAMES = [
    "Hello, my name is {agent} and I am calling from {campaign}.",
    "Good morning, am I speaking with {lead}?",
    "Thank you for calling {group}, this is {agent_first}.",
    "I spoke with {agent_first} {agent_last} yesterday about my bill.",
    "Yes, this is {lead_first} {lead_last}, how can I help you?",
    "Could you spell your last name for me, {lead_first}?",
    "I have been a customer of {campaign} for many years.",
    "The account is in the name of {lead_last}, not mine.",
    "Please ask {agent_first} to call me back tomorrow.",
    "Mister {lead_last}, your payment has not arrived yet.",
]

# Words that sound like names that a call may have: nothing of it may be changed.
SOUND_ALIKES = [
    (("Mark Grant", "BILL CLARK", "Rose Page", "Carter Sales", "Baker List"), [
        "Please mark the date on your calendar.", "The clerk will grant you a refund.", "I rose early to pay the bill.",
        "Turn the page and sign at the bottom.", "The baker delivers bread in a cart.",
    ]),
    (("Will Brown", "HOPE STERLING", "Penny Short", "Frank Best", "Summer Rich"), [
        "I hope the brown box will arrive soon.", "To be frank, that was not the best offer.", "It costs a penny more in the summer.",
        "The contract is too short for that.", "Starting tomorrow the rate will change.",
    ]),
    (("Harry Marsh", "DAWN FIELDS", "Ray Waters", "Grace Winters", "Cliff Rivers"), [
        "I was in a hurry this morning at dawn.", "The water in the marsh is rising.", "We give you a grace period of some days.",
        "The winter bill was very high.", "The field is next to the river.",
    ]),
    (("Jordan Reese", "LANE COLLINS", "Sandy Shore", "Miles Parker", "Chase Banks"), [
        "Can I park in that lane?", "I am calling in to complain about it.", "The bank is a few miles from here.",
        "I am not so sure about that.", "The recent letter was for my cousin.",
    ]),
]
# The same for calls whose names nobody says.
PLAIN = [
    "I would like to cancel my subscription at the end of the month.", "Can you tell me what is on my last statement?",
    "The technician never came and nobody called me.", "I want to speak to a supervisor right now.",
    "Your order was shipped on Friday by regular mail.", "Let me check that for you, one moment please.",
    "We can offer you a discount for half a year.", "I did not agree to that and I want my money back.",
    "Is there anything else I can do for you today?", "Thank you very much for your help, goodbye.",
]


def parts(call):
    agent, lead, campaign, group, _ = call
    lead = lead.title()
    (agent_first, agent_last), (lead_first, lead_last) = agent.split(), lead.split()
    return {"agent": agent, "lead": lead, "campaign": campaign, "group": group, "agent_first": agent_first, "agent_last": agent_last,
            "lead_first": lead_first, "lead_last": lead_last}


def with_names(which):
    """(sentence, names of its call), ten of each call."""
    return [(sentence.format(**parts(call)), call) for call in CALLS[which] for sentence in WITH_NAMES]


def without_names(which):
    """The same of sentences in which no name is said."""
    alike = [(sentence, call) for call, sentences in SOUND_ALIKES for sentence in sentences]
    calls = CALLS[which]
    return alike + [(sentence, calls[(place + turn) % len(calls)]) for turn in range(2) for place, sentence in enumerate(PLAIN)]

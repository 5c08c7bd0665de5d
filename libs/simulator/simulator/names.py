"""Invented names. Any likeness to a real person, school or street is chance.

Some have accents, apostrophes or hyphens, as real ones do: a letter must carry them unharmed.
"""

GIVEN = (
    "Aaliyah", "Adam", "Aisha", "Alfie", "Amelia", "Amir", "Ana", "Archie", "Ava", "Ayaan", "Beatrix", "Ben",
    "Callum", "Chloë", "Dawid", "Dylan", "Elif", "Ella", "Emeka", "Ethan", "Eva", "Ezra", "Fatima", "Finley",
    "Florence", "Freya", "George", "Grace", "Hamza", "Hannah", "Harper", "Harry", "Ibrahim", "Imogen", "Isaac",
    "Isla", "Jack", "Jasmine", "Joseph", "Kai", "Kwame", "Layla", "Leo", "Lily", "Logan", "Lucas", "Maisie", "Maya",
    "Mia", "Mohammed", "Nadia", "Niamh", "Noah", "Nora", "Oliver", "Omar", "Oscar", "Phoebe", "Poppy", "Priya",
    "Reuben", "Rosie", "Ruby", "Safiya", "Samuel", "Sean", "Sienna", "Sofia", "Teddy", "Theo", "Tilly", "Tomasz",
    "Willow", "Yusuf", "Zara", "Zoë",
)  # fmt: skip
MOTHERS = (
    "Agnieszka", "Amina", "Angela", "Bronwen", "Catherine", "Claire", "Deborah", "Elena", "Emma", "Farah", "Gemma",
    "Helen", "Ioana", "Jacqueline", "Joanne", "Karen", "Katarzyna", "Kelly", "Laura", "Maria", "Michelle", "Nasreen",
    "Nicola", "Rachel", "Rebecca", "Ruth", "Samantha", "Sarah", "Shazia", "Siobhán", "Sunita", "Tracey", "Victoria",
    "Yvonne",
)  # fmt: skip
FATHERS = (
    "Ahmed", "Alan", "Andrew", "Anwar", "Chidi", "Daniel", "David", "Gareth", "Hassan", "James", "Krzysztof", "Lee",
    "Marcus", "Mark", "Patrick", "Paul", "Rajesh", "Robert", "Simon", "Stephen", "Thomas", "Wayne",
)  # fmt: skip
FAMILY = (
    "Abbott", "Adeyemi", "Ahmed", "Ali", "Allen", "Baker", "Barnes", "Begum", "Bennett", "Brown", "Campbell",
    "Carter", "Chowdhury", "Clarke", "Collins", "Cooper", "Davies", "Diaz", "Edwards", "Evans", "Fenwick", "Fletcher",
    "Foster", "García", "Green", "Griffiths", "Hall", "Harris", "Hughes", "Hussain", "Iqbal", "Jackson", "James",
    "Jones", "Kaur", "Khan", "King", "Kowalski", "Lee", "Lewis", "Mahmood", "Martin", "Mensah", "Mills", "Moore",
    "Morgan", "Murphy", "Nowak", "Okafor", "O'Connor", "O'Neill", "Osman", "Palmer", "Patel", "Perry", "Popescu",
    "Price", "Rahman", "Reid", "Roberts", "Robinson", "Rogers", "Scott", "Shah", "Shaw", "Singh", "Smith",
    "Smith-Jones", "Stewart", "Taylor", "Thompson", "Turner", "Walker", "Ward", "Watson", "White", "Wilson", "Wood",
    "Wright", "Young",
)  # fmt: skip
PLACES = (
    "Alder", "Ash Vale", "Beacon Hill", "Birchwood", "Bluebell", "Bramble", "Brook Lane", "Canal Street",
    "Castle Mead", "Cedar", "Chestnut", "Copper Beech", "Cowslip", "Elm Grove", "Fernhill", "Foxglove", "Greenway",
    "Hawthorn", "Hazel", "Heron", "Highfield", "Holly Bank", "Juniper", "Kingfisher", "Lark Rise", "Laurel",
    "Lime Tree", "Long Meadow", "Maple", "Mill Race", "Moorside", "Oakfield", "Old Orchard", "Park Road",
    "Pine Ridge", "Quarry", "Riverside", "Rowan", "Saffron", "Skylark", "Spinney", "Swallow", "Sycamore",
    "Thornfield", "Three Bridges", "Walnut", "Watermill", "Weaver", "Willow Lane", "Yew Tree",
)  # fmt: skip
STREETS = (
    "Church Lane",
    "Dove Close",
    "High Street",
    "Mill Road",
    "Orchard Way",
    "Queen's Road",
    "Station Road",
    "The Green",
    "Vicarage Lane",
)
LANGUAGES = (
    ("en", 0.80),
    ("ur", 0.04),
    ("pl", 0.04),
    ("ro", 0.03),
    ("pa", 0.03),
    ("ar", 0.02),
    ("bn", 0.02),
    ("so", 0.02),
)


def school_name(number: int, phase: str) -> str:
    """The name of the authority's school with this number, counted from 0; the first 500 all differ."""
    kind = {"primary": "Primary School", "secondary": "Academy", "special": "School"}[phase]
    round_, place = divmod(number, len(PLACES))
    saint = ("", "Upper ", "Lower ", "North ", "South ", "East ", "West ", "New ", "Great ", "Little ")[round_ % 10]
    return f"{saint}{PLACES[place]} {kind}"
